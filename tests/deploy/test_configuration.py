"""What `make run` writes is what the registry, the keeper and supervisord accept."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from supervisor.options import ServerOptions

from demo.build import image
from demo.push import Pusher
from deploy.local.addresses import Address, any_free_port
from deploy.local.memory import Memory, recall, remember
from deploy.local.processes import running, wait_until_answering
from deploy.local.registry_config import DRAIN_TIMEOUT_S, KEEPER_DRAIN_S, STOP_WAIT_S, registry_config
from deploy.local.supervisor_config import keeper_command, supervisor_config
from deploy.local.surroundings import exports, surroundings
from tests.deploy.checkout import copy_checkout

BINARY = Path(shutil.which("docker-registry") or "docker-registry")
BIND = Address("127.0.0.1", 8000)
REGISTRY = Address("127.0.0.1", 5000)


@pytest.fixture
def free_address() -> Address:
    return Address("127.0.0.1", any_free_port())


def test_the_keeper_and_the_registry_take_what_is_generated_also_in_a_folder_with_an_odd_name(
    tmp_path: Path, free_address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = copy_checkout(tmp_path / 'a "folder" at 100%c; #of: $HOME')
    monkeypatch.chdir(checkout)
    for folder in ("var/registry", "var/keeper"):
        Path(folder).mkdir(parents=True)
    Path("var/registry.yml").write_text(registry_config(Path("var/registry").absolute(), free_address, "secret"))
    log = tmp_path / "log"
    with running(keeper_command(BINARY, free_address), log, {"PATH": "/usr/bin"}, stop_wait_s=10) as keeper:
        wait_until_answering("The registry", free_address, "/v2/", keeper, log)
        pushed = image([])
        Pusher(free_address.url).push("team/shop", pushed, ["1.0"])
        deleted = requests.delete(f"{free_address.url}/v2/team/shop/manifests/{pushed.digest}", timeout=10)
    assert deleted.status_code == 202
    assert Path("var/registry/docker/registry/v2/repositories/team/shop").is_dir()


def test_supervisord_reads_the_very_commands_that_were_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = keeper_command(Path('/an "odd";#50%/docker-registry'), REGISTRY)
    (tmp_path / "var" / "log").mkdir(parents=True)
    (tmp_path / "supervisord.conf").write_text(supervisor_config(keeper))
    monkeypatch.chdir(tmp_path)
    options = ServerOptions()
    options.realize(["-c", "supervisord.conf"])
    programs = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert shlex.split(programs["registry"].command) == keeper
    assert programs["registry"].stopwaitsecs == STOP_WAIT_S
    assert all(each.autostart and each.autorestart and each.startsecs == 0 for each in programs.values())
    assert options.nodaemon


def test_each_layer_waits_longer_than_the_one_below_it() -> None:
    assert DRAIN_TIMEOUT_S < KEEPER_DRAIN_S < STOP_WAIT_S
    assert f"draintimeout: {DRAIN_TIMEOUT_S}s" in registry_config(Path("/store"), REGISTRY, "secret")


def test_with_another_registry_supervisord_starts_the_dashboard_only() -> None:
    assert "[program:dashboard]" in supervisor_config(None)
    assert "[program:registry]" not in supervisor_config(None)


def test_settings_that_the_user_gave_are_kept_and_the_others_filled_in(tmp_path: Path) -> None:
    given = {"HOLYSTONE_DATA_DIR": "/elsewhere", "HOLYSTONE_SECRET_KEY": "", "PATH": "/bin"}
    made = surroundings(given, "k" * 64, tmp_path, BIND, REGISTRY)
    assert made == {
        "PATH": "/bin",
        "HOLYSTONE_BIND": "127.0.0.1:8000",
        "HOLYSTONE_SECRET_KEY": "k" * 64,
        "HOLYSTONE_DATA_DIR": "/elsewhere",
        "HOLYSTONE_REGISTRY_URL": "http://127.0.0.1:5000",
        "HOLYSTONE_REGISTRY_STORE": str(tmp_path / "registry"),
        "HOLYSTONE_REGISTRY_CONFIG": str(tmp_path / "registry.yml"),
        "HOLYSTONE_KEEPER_FOLDER": str(tmp_path / "keeper"),
    }


def test_variables_that_configure_some_other_registry_do_not_reach_ours(tmp_path: Path) -> None:
    assert "REGISTRY_AUTH" not in surroundings({"REGISTRY_AUTH": "silly"}, "k", tmp_path, BIND, REGISTRY)


def test_another_registry_has_records_of_its_own_and_no_keeper(tmp_path: Path) -> None:
    given = {"HOLYSTONE_REGISTRY_URL": "https://Registry.example:5001/"}
    made = surroundings(given, "k", tmp_path, BIND, registry=None)
    assert made["HOLYSTONE_DATA_DIR"] == str(tmp_path / "data-registry.example-5001")
    assert "HOLYSTONE_KEEPER_FOLDER" not in made
    assert "HOLYSTONE_REGISTRY_STORE" not in made


def test_a_shell_reads_the_settings_as_they_were() -> None:
    text = exports({"HOLYSTONE_REGISTRY_PASSWORD": "it's $HOME `x`", "OTHER": "no"})
    printed = subprocess.run(
        ["sh", "-c", text + 'printf %s "$HOLYSTONE_REGISTRY_PASSWORD"'], capture_output=True, text=True, check=True
    )
    assert printed.stdout == "it's $HOME `x`"
    assert "OTHER" not in text


def test_secrets_are_random_kept_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    memory = recall(file)
    remember(file, memory)
    assert recall(file) == memory
    assert memory.secret_key not in (memory.registry_secret, Memory().secret_key)
    assert file.stat().st_mode & 0o777 == 0o600
