"""What setup finds and writes, piece by piece."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config import PREFIX, SettingError, read_settings
from single_file.settings_file import complete, line_of, read_file
from single_file.setup.answers import Answers
from single_file.setup.files import change_of_registry, dashboard_file, nginx_site, settings_file
from single_file.setup.machine import Starter, find_registries
from single_file.unpacked import SETTLED, keep, take_away_what_is_left
from tests.deploy.test_units import DEBIANS_UNIT

ANSWERS = Answers(
    registry_store="/var/lib/docker-registry", started_by=Starter.SYSTEMD, started_in="docker-registry.service"
)
PYTHON = "/usr/bin/python3"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40))
def test_a_value_comes_back_from_the_settings_file_as_it_was_here_and_in_a_shell(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    file = tmp_path_factory.mktemp("settings") / "settings"
    file.write_text(f"# a comment\n\n{line_of('HOLYSTONE_MAIL_PASSWORD', value)}\n")
    assert read_file(file) == {"HOLYSTONE_MAIL_PASSWORD": value}
    shell = ["sh", "-c", f'. {file}; printf %s "$HOLYSTONE_MAIL_PASSWORD"']
    assert subprocess.run(shell, capture_output=True, check=True).stdout.decode() == value


@pytest.mark.parametrize("line", ["HOLYSTONE_BIND", "A B=c", "HOLYSTONE_BIND=a b", "HOLYSTONE_BIND='a", "=x"])
def test_a_line_that_is_no_setting_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "settings"
    file.write_text(f"\n{line}\n")
    with pytest.raises(SettingError, match=f"Line 2 of {file}"):
        read_file(file)


def test_what_the_environment_has_goes_before_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("HOLYSTONE_BIND=127.0.0.1:1\nHOLYSTONE_SYNC_INTERVAL=7m\n")
    found = complete({"HOLYSTONE_BIND": "127.0.0.1:2", "HOLYSTONE_SETTINGS": str(file)})
    assert found == {"HOLYSTONE_BIND": "127.0.0.1:2", "HOLYSTONE_SYNC_INTERVAL": "7m"}
    assert complete({"A": "b"}, usual=tmp_path / "none") == {"A": "b"}
    with pytest.raises(SettingError, match="cannot be read"):
        complete({"HOLYSTONE_SETTINGS": str(tmp_path / "none")})


def test_the_settings_that_setup_writes_are_settings_and_keep_those_of_before(tmp_path: Path) -> None:
    before = {f"{PREFIX}SYNC_INTERVAL": "7m", f"{PREFIX}SECRET_KEY": "s" * 40, f"{PREFIX}REGISTRY_PASSWORD": "old"}
    answers = replace(ANSWERS, server_name="holystone.example", registry_username="bob", registry_password="it's $new")
    file = tmp_path / "settings"
    file.write_text(settings_file(answers, before).content)
    settings = read_settings(read_file(file))
    assert (settings.SYNC_INTERVAL, settings.SECRET_KEY) == (420, "s" * 40)
    assert (settings.REGISTRY_PASSWORD, settings.TRUSTED_PROXIES) == ("it's $new", 1)
    assert settings.PUBLIC_URL == "https://holystone.example"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_accepts_what_puts_the_keeper_before_a_registry_of_its_own(tmp_path: Path) -> None:
    change = change_of_registry(ANSWERS, PYTHON)
    assert change is not None
    assert str(change.path) == "/etc/systemd/system/docker-registry.service.d/keeper.conf"
    (tmp_path / "docker-registry.service").write_text(DEBIANS_UNIT.format(registry="/bin/sh"))
    (tmp_path / "docker-registry.service.d").mkdir()
    (tmp_path / "docker-registry.service.d/keeper.conf").write_text(change.content.replace(PYTHON, "/bin/sh"))
    command = ["systemd-analyze", "verify", "--man=no", "docker-registry.service"]
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_program_of_supervisors_keeps_what_is_not_about_its_command(tmp_path: Path) -> None:
    file = tmp_path / "registry.conf"
    file.write_text(
        "; ours\n[program:other]\ncommand = sleep 1\n\n[program:registry]\ncommand = /usr/bin/docker-registry \\\n    serve /etc/x.yml\n"
        'environment = A="b"\nstopwaitsecs = 5\n\n[program:third]\ncommand = sleep 2\n'
    )
    answers = replace(ANSWERS, started_by=Starter.SUPERVISOR, started_in=f"{file}:registry")
    change = change_of_registry(answers, None)
    assert change is not None
    kept = "; ours\n[program:other]\ncommand = sleep 1\n\n[program:registry]\n" + 'environment = A="b"\n'
    assert change.content.startswith(kept)
    assert change.content.endswith("\n\n[program:third]\ncommand = sleep 2\n")
    assert "command = /usr/local/bin/holystone keeper --folder /var/lib/registry-keeper " in change.content
    assert change.content.count("stopwaitsecs = 90\n") == 1
    assert "serve /etc/x.yml" not in change.content


def test_a_service_of_compose_gets_a_file_beside_its_own() -> None:
    change = change_of_registry(
        replace(ANSWERS, started_by=Starter.COMPOSE, started_in="/srv/registry/compose.yaml:registry"), PYTHON
    )
    assert change is not None
    assert str(change.path) == "/srv/registry/compose.override.yaml"
    service = yaml.safe_load(change.content)["services"]["registry"]
    assert service["entrypoint"][:2] == ["python3", "/usr/local/lib/keeper.py"]
    assert service["entrypoint"][-2:] == ["/bin/registry", ANSWERS.registry_config]


def test_a_starter_that_is_not_known_is_left_to_the_administrator() -> None:
    assert change_of_registry(replace(ANSWERS, started_by=Starter.OTHER), PYTHON) is None
    assert change_of_registry(replace(ANSWERS, started_in=""), PYTHON) is None


def test_the_unit_and_the_site_have_this_machines_names_and_paths() -> None:
    answers = replace(
        ANSWERS, data_dir="/srv/holystone", keeper_folder="/srv/keeper", registry_group="reg",
        server_name="dash.example", certificate="/srv/a.pem", certificate_key="/srv/a.key", bind="unix:/run/holystone/socket",
    )  # fmt: skip
    unit = dashboard_file(answers, has_systemd=True).content
    assert "ReadWritePaths=-/srv/keeper\n" in unit
    assert "ReadWritePaths=/srv/holystone\n" in unit
    assert "SupplementaryGroups=reg\n" in unit
    site = nginx_site(answers).content
    assert "server unix:/run/holystone/socket;" in site
    assert site.count("server_name dash.example;") == 2
    assert "CHANGE" not in "".join(line.partition("#")[0] for line in site.splitlines())


@pytest.mark.parametrize(
    ("groups", "starter", "place"),
    [
        ("0::/system.slice/docker-registry.service\n", Starter.SYSTEMD, "docker-registry.service"),
        ("0::/system.slice/docker-0af31.scope\n", Starter.COMPOSE, ""),
        ("0::/user.slice/session-1.scope\n", Starter.OTHER, ""),
    ],
)
def test_who_starts_the_registry_is_seen(tmp_path: Path, groups: str, starter: Starter, place: str) -> None:
    process = tmp_path / "proc/41"
    process.mkdir(parents=True)
    (process / "cmdline").write_bytes(b"/usr/bin/docker-registry\0serve\0/etc/docker/registry/config.yml\0")
    (process / "stat").write_text("41 (docker-registry) S 1 41")
    (process / "cgroup").write_text(groups)
    (found,) = find_registries(tmp_path)
    assert (found.starter, found.place, found.config) == (starter, place, "/etc/docker/registry/config.yml")
    assert not found.has_keeper


def test_only_folders_that_nobody_is_in_are_taken_away(tmp_path: Path) -> None:
    folders = {name: tmp_path / f"_MEI{name}" for name in ("held", "left", "unpacking", "broken-off")}
    for each in folders.values():
        each.mkdir()
    keep(folders["held"])
    (folders["left"] / SETTLED).touch()
    hours_ago = time.time() - 7200
    os.utime(folders["broken-off"], (hours_ago, hours_ago))
    (tmp_path / "other").mkdir()
    take_away_what_is_left(tmp_path, time.time())
    assert {each.name for each in tmp_path.iterdir()} == {"_MEIheld", "_MEIunpacking", "other"}
