# What each does: see "Commands" in README.md. Recipes are one line; what they do is in deploy/local/.
PYTHON := .venv/bin/python
# nginx is in /usr/sbin, which is not in everybody's PATH.
export PATH := $(PATH):/usr/sbin

.PHONY: setup run test lint bench soak storm look dist sbom audit

setup: .venv/complete
	@:

.venv/complete: requirements-dev.txt deploy/local/setup
	@deploy/local/setup

run: .venv/complete
	@setpriv --pdeathsig TERM $(PYTHON) -m deploy.local.run

test: .venv/complete
	@deploy/local/for-tests
	@$(PYTHON) -m pytest -n 2

lint: .venv/complete
	@deploy/local/lint

bench: .venv/complete
	@deploy/local/for-tests
	@$(PYTHON) -m benchmarks

FLEET_TESTS := tests/removal/test_exactness.py tests/removal/test_as_worked_out.py \
	tests/removal/test_trash_as_worked_out.py tests/removal/test_sequences.py
soak storm: export FLEETS ?= 10000
soak storm: export SEQUENCES ?= 10000
soak storm: export FLEETS_SEED ?= $(shell od -An -N3 -tu4 /dev/urandom)

soak: export MINUTES ?= 15
soak: .venv/complete
	@deploy/local/for-tests
	@$(PYTHON) -m soak
	@echo FLEETS=$$FLEETS FLEETS_SEED=$$FLEETS_SEED; $(PYTHON) -m pytest -n 2 $(FLEET_TESTS)

storm: export STORM_ROUNDS ?= 400
storm: .venv/complete
	@$(PYTHON) -m pytest -n 2 tests/faults $(FLEET_TESTS)

look: .venv/complete
	@deploy/local/for-tests
	@$(PYTHON) -m tests.look.sheet

dist: .venv/complete
	@deploy/file/build

sbom: .venv/complete
	@$(PYTHON) -m deploy.local.sbom

audit: .venv/complete
	@deploy/local/audit
