"""The settings: every one is read, refused with a sentence, and stands in the README as it does in config.py."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from config import PREFIX, SettingError, Settings, read_settings

README = Path(__file__).parent.parent / "README.md"
SECRET_KEY = "k" * 32


def _read(**given: str) -> Settings:
    return read_settings({f"{PREFIX}SECRET_KEY": SECRET_KEY} | {PREFIX + name: each for name, each in given.items()})


def _refusal(**given: str) -> str:
    with pytest.raises(SettingError) as refusal:
        _read(**given)
    return str(refusal.value)


def test_the_settings_can_be_imported_before_anything_else() -> None:
    subprocess.run([sys.executable, "-c", "import config"], cwd=README.parent, check=True)


def test_a_secret_key_is_all_that_must_be_given() -> None:
    settings = _read()
    assert settings.BIND == "127.0.0.1:8000"
    assert settings.REGISTRY_URL == "http://127.0.0.1:5000"
    assert str(settings.DATA_DIR) == str(Path("var/data").absolute())
    assert settings.database_url == f"sqlite:///{settings.DATA_DIR}/holystone.db"
    assert settings.public_name == "127.0.0.1:5000"
    assert (settings.REGISTRY_STORE, settings.KEEPER_FOLDER, settings.REGISTRY_CA) == (None, None, None)
    assert (settings.DELETE_ENABLED, settings.ANONYMOUS_VIEW) == (True, False)
    assert (settings.SYNC_INTERVAL, settings.MAINTENANCE_MAX_DURATION) == (300.0, 14_400.0)


def test_what_is_given_is_taken() -> None:
    settings = _read(
        REGISTRY_URL="https://registry.example/prefix/",
        REGISTRY_PUBLIC_NAME="registry.example",
        REGISTRY_OTHER_URLS=" http://a:1 , http://b:2,",
        REGISTRY_STORE="/srv/registry",
        DATABASE_URL="sqlite:////srv/holystone.db",
        SYNC_INTERVAL="90",
        SESSION_IDLE="1.5h",
        DELETE_ENABLED="No",
        TRUSTED_PROXIES="2",
        TOKEN_REALMS="auth.example, 127.0.0.1:5001",
        REPOSITORIES="team/api, team/web,",
    )
    assert settings.REGISTRY_URL == "https://registry.example/prefix"
    assert settings.public_name == "registry.example"
    assert settings.REGISTRY_OTHER_URLS == ("http://a:1", "http://b:2")
    assert str(settings.REGISTRY_STORE) == "/srv/registry"
    assert settings.database_url == "sqlite:////srv/holystone.db"
    assert (settings.SYNC_INTERVAL, settings.SESSION_IDLE) == (90.0, 5_400.0)
    assert (settings.DELETE_ENABLED, settings.TRUSTED_PROXIES) == (False, 2)
    assert settings.TOKEN_REALMS == ("auth.example", "127.0.0.1:5001")
    assert settings.REPOSITORIES == ("team/api", "team/web")


@pytest.mark.parametrize("path", ["/srv/names", "./names", "../names", "~/names"])
def test_repositories_may_stand_in_a_file(path: str) -> None:
    assert Path(path).expanduser().absolute() == _read(REPOSITORIES=path).REPOSITORIES


def test_variables_of_others_are_none_of_ours() -> None:
    assert read_settings({"PATH": "/bin", "REGISTRY_URL": "x", f"{PREFIX}SECRET_KEY": SECRET_KEY})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("REGISTRY_ULR", "REGISTRY_URL"),
        ("SECRETKEY", "SECRET_KEY"),
        ("REGISTRY_USERNAM", "REGISTRY_USERNAME"),
        ("DELETES_ENABLED", "DELETE_ENABLED"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(misspelt: str, meant: str) -> None:
    refusal = _refusal(**{misspelt: "x"})
    assert refusal == f"HOLYSTONE_{misspelt} is not a setting of Holystone. Did you mean HOLYSTONE_{meant}?"


def test_an_unknown_setting_that_is_like_none_is_sent_to_the_list() -> None:
    assert _refusal(QWXYZ="x").endswith("HOLYSTONE_QWXYZ is not a setting of Holystone. README.md lists them all.")


def test_a_missing_secret_key_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(SettingError, match=r"^HOLYSTONE_SECRET_KEY is not set\. .*openssl rand -hex 32"):
        read_settings({})


@pytest.mark.parametrize("short", ["", "x", "k" * 31, " " * 40])
def test_a_short_secret_key_is_refused_with_the_way_to_make_one(short: str) -> None:
    refusal = _refusal(SECRET_KEY=short)
    assert refusal.startswith("HOLYSTONE_SECRET_KEY cannot be read: write at least 32 random characters")
    assert "openssl rand -hex 32" in refusal
    assert "kkk" not in refusal


TIME = "write a time above 0, such as 30s, 5m, 4h or 14d"
ADDRESS = "write an address such as http://127.0.0.1:5000"
FILE = "Holystone keeps its records in a file of SQLite: write sqlite:///FILE or leave it out"
TOKEN = "write at least 16 letters and digits, such as `openssl rand -hex 32` prints"
NUMBER = "write a whole number, 0 or more"


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("DELETE_ENABLED", "perhaps", "write true or false"),
        ("ANONYMOUS_VIEW", "", "write true or false"),
        *(
            ("SYNC_INTERVAL", each, TIME)
            for each in ("", "0", "-5m", "soon", "5 m", "nan", "inf", "1e3", "5w", "99999d")
        ),
        *(("TRUSTED_PROXIES", each, NUMBER) for each in ("", "-1", "one", "1.5", "٣")),
        *(
            ("REGISTRY_URL", each, ADDRESS)
            for each in (
                "",
                "registry.example:5000",
                "ftp://registry.example",
                "http://",
                "http://registry.example/?x=1",
                "http://registry.example:port",
                "http://registry.example:99999",
                "http://[",
            )
        ),
        ("REGISTRY_OTHER_URLS", "http://a:1,b:2", ADDRESS),
        ("REGISTRY_READS_URL", "b:2", ADDRESS),
        ("PROBE_REPOSITORY", "Team/Probe", "write a repository's name such as holystone/probe"),
        *(
            ("WEBHOOK_URL", each, "write an address such as https://hooks.example/notices")
            for each in (
                "hooks.example",
                "ftp://hooks.example",
                "https://",
                "https://hooks.example/a b",
                "https://hooks.example/#x",
            )
        ),
        *(
            ("MAIL_TO", each, "write a plain address such as holystone@example.org")
            for each in (
                "ops",
                "a@example.org,Ops <ops@example.org>",
                "a@example.org\r\nBcc: b@example.org",
                '"a"@example.org',
            )
        ),
        ("MAIL_FROM", "a@b@example.org", "write a plain address such as holystone@example.org"),
        ("REPOSITORIES", "team/api,Team/Web", "write a repository's name such as holystone/probe"),
        ("TOKEN_REALMS", "https://auth.example/token", "write hosts such as auth.example,127.0.0.1:5001"),
        ("DATA_DIR", "", "name a folder"),
        *(("METRICS_TOKEN", each, TOKEN) for each in ("short", "x" * 15, "with a space " * 3, "ü" * 20)),
        *(
            ("DATABASE_URL", each, FILE)
            for each in ("postgresql://db/holystone", "sqlite://", "sqlite:///", "sqlite:///:memory:", "/srv/x.db")
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_with_what_to_write(name: str, given: str, why: str) -> None:
    assert _refusal(**{name: given}) == f"HOLYSTONE_{name} cannot be read: {why}."


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    refusal = _refusal(REGISTRY_URL="http://somebody:hush-hush@registry.example")
    assert "REGISTRY_USERNAME and REGISTRY_PASSWORD" in refusal
    assert "hush" not in refusal


def test_no_secret_is_shown_with_the_settings_and_all_are_named_for_the_log() -> None:
    settings = _read(REGISTRY_PASSWORD="hush-hush", DEAD_MANS_SWITCH_URL="http://a.example/hush-hush")
    assert "hush" not in repr(settings)
    assert SECRET_KEY not in repr(settings)
    assert set(settings.secrets) == {SECRET_KEY, "hush-hush", "http://a.example/hush-hush", "/hush-hush"}


def test_an_address_that_is_called_keeps_its_query_and_is_not_repeated_in_a_refusal() -> None:
    assert _read(WEBHOOK_URL="https://hooks.example/a/?token=hush").WEBHOOK_URL == "https://hooks.example/a/?token=hush"
    refusal = _refusal(DEAD_MANS_SWITCH_URL="https://somebody:hush-hush@switch.example/")
    assert "a name and a password in it cannot be called" in refusal
    assert "hush" not in refusal


@pytest.mark.parametrize(("given", "missing"), [("MAIL_TO", "MAIL_FROM"), ("MAIL_FROM", "MAIL_TO")])
def test_half_of_what_a_mail_needs_is_refused(given: str, missing: str) -> None:
    refusal = _refusal(**{"MAIL_SERVER": "mail.example:587", given: "a@example.org"})
    assert refusal == f"HOLYSTONE_MAIL_SERVER is set, but HOLYSTONE_{missing} is not: no mail could be sent."


def test_the_readme_lists_every_setting_as_it_is() -> None:
    """Compared by setting, default and what it does, in the order of config.py."""
    rows = re.findall(r"^\| `HOLYSTONE_(\w+)` \| (.+?) \| (.+?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    words = {None: "must be set", "": "empty"}
    expected = [
        (each.name, words.get(each.metadata["default"], f"`{each.metadata['default']}`"), each.metadata["does"])
        for each in fields(Settings)
    ]
    assert rows == expected
