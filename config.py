"""Settings: every one, the environment variable it is read from, its default, and what it does.

This is the one list. README's table is compared with it by a test.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

PREFIX = "HOLYSTONE_"
SHORTEST_SECRET_KEY = 32
LONGEST_TIME_S = 10 * 365 * 86400
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class SettingError(ValueError):
    """A setting is missing, misspelt or cannot be read. Its text says which one, and what to do."""


def _text(value: str) -> str:
    return value


def _yes_or_no(value: str) -> bool:
    answers = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    if value.lower() not in answers:
        raise ValueError("write true or false")
    return answers[value.lower()]


def _seconds(value: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value, re.ASCII)
    seconds = float(found[1]) * units[found[2] or "s"] if found else 0.0
    if not 0 < seconds < LONGEST_TIME_S:
        raise ValueError("write a time above 0, such as 30s, 5m, 4h or 14d")
    return seconds


def _count(value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise ValueError("write a whole number, 0 or more")
    return int(value)


def _size(value: str) -> int:
    found = re.fullmatch(r"(\d{1,12}) ?(B|kB|MB|GB|TB)?", value, re.ASCII)
    if not found:
        raise ValueError("write a whole number of bytes, or one with its unit, such as 500MB or 20GB")
    return int(found[1]) * UNITS[found[2] or "B"]


def _from_one(value: str) -> int:
    if _count(value) < 1:
        raise ValueError("write a whole number, 1 or more")
    return int(value)


def _percent(value: str) -> int:
    if not 1 <= _count(value) <= 100:
        raise ValueError("write a whole number from 1 to 100")
    return int(value)


def _path(value: str) -> Path | None:
    return Path(value).expanduser().absolute() if value else None


def _folder(value: str) -> Path:
    if not value:
        raise ValueError("name a folder")
    return Path(value).expanduser().absolute()


def _address(value: str) -> str:
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("write an address such as http://127.0.0.1:5000")
    if parts.username or parts.password:
        raise ValueError("name and password have settings of their own, REGISTRY_USERNAME and REGISTRY_PASSWORD")
    return value.rstrip("/")


def _optional_address(value: str) -> str:
    return _address(value) if value else ""


def _called_address(value: str) -> str:
    """An address that is only called: its query belongs to it, and nothing of it is repeated in a refusal."""
    parts = _split(value)
    is_whole = parts is not None and parts.scheme in ("http", "https") and parts.hostname and not parts.fragment
    if value and (not is_whole or not re.fullmatch(r"[!-~]+", value)):
        raise ValueError("write an address such as https://hooks.example/notices")
    if parts is not None and (parts.username is not None or parts.password is not None):
        raise ValueError("an address with a name and a password in it cannot be called")
    return value


def _split(value: str) -> SplitResult | None:
    """The parts of an address; None where it has none, or a port that cannot be one."""
    try:
        parts = urlsplit(value)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _listed(value: str) -> tuple[str, ...]:
    """What is separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _addresses(value: str) -> tuple[str, ...]:
    return tuple(map(_address, _listed(value)))


def _patterns(value: str) -> tuple[str, ...]:
    patterns = _listed(value)
    if not all(re.fullmatch(r"[A-Za-z0-9_.*?-]{1,128}", pattern, re.ASCII) for pattern in patterns):
        raise ValueError("write patterns of tags such as latest,v?.*,*-stable")
    return patterns


def _repository(value: str) -> str:
    from webapp.registry.names import is_repository_name  # here, since the package `webapp` imports this module

    if value and not is_repository_name(value):
        raise ValueError("write a repository's name such as holystone/probe")
    return value


def _repositories(value: str) -> tuple[str, ...] | Path:
    """Names, or the file of names: no repository's name begins with `/`, `.` or `~`."""
    if value.startswith(("/", ".", "~")):
        return Path(value).expanduser().absolute()
    return tuple(map(_repository, _listed(value)))


def _hosts(value: str) -> tuple[str, ...]:
    hosts = _listed(value)
    if not all(re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+", host, re.ASCII) for host in hosts):
        raise ValueError("write hosts such as auth.example,127.0.0.1:5001")
    return hosts


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and (not host or not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 0 < int(port) < 65536):
        raise ValueError("write a host and a port such as mail.example:587")
    return value


def _mail_address(value: str) -> str:
    if value and not re.fullmatch(r"[!#-'*+\-./0-9=?A-Z^-~]+@[A-Za-z0-9.-]+", value, re.ASCII):
        raise ValueError("write a plain address such as holystone@example.org")
    return value


def _mail_addresses(value: str) -> tuple[str, ...]:
    return tuple(map(_mail_address, _listed(value)))


def _mail_security(value: str) -> str:
    if value not in ("starttls", "tls", "none"):
        raise ValueError("write starttls, tls or none")
    return value


def _secret_key(value: str) -> str:
    if len(value) < SHORTEST_SECRET_KEY:
        raise ValueError(
            f"write at least {SHORTEST_SECRET_KEY} random characters, such as `openssl rand -hex 32` prints"
        )
    return value


def _bearer_token(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,}", value, re.ASCII):
        raise ValueError("write at least 16 letters and digits, such as `openssl rand -hex 32` prints")
    return value


def _database_url(value: str) -> str:
    file = value.removeprefix("sqlite:///")
    if value and (file in (value, "", ":memory:") or "?" in file):
        raise ValueError("Holystone keeps its records in a file of SQLite: write sqlite:///FILE or leave it out")
    return f"sqlite:///{Path(file).expanduser().absolute()}" if value else ""


def _setting(default: str | None, read: Callable[[str], Any], does: str) -> Any:
    return field(metadata={"default": default, "read": read, "does": does})


def _secret(default: str | None, read: Callable[[str], Any], does: str) -> Any:
    """A setting whose value never stands in a log."""
    return field(metadata={"default": default, "read": read, "does": does, "is_secret": True}, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator can set. `None` as a default means: must be given."""

    BIND: str = _setting("127.0.0.1:8000", _text, "Address and port on which `make run` serves the pages.")
    SECRET_KEY: str = _secret(
        None, _secret_key, "Signs the tokens against forged forms. At least 32 random characters."
    )
    DATA_DIR: Path = _setting("var/data", _folder, "Folder for Holystone's own records.")
    DATABASE_URL: str = _setting("", _database_url, "SQLite file of the records. Empty: `holystone.db` in `DATA_DIR`.")
    REGISTRY_URL: str = _setting("http://127.0.0.1:5000", _address, "Address at which Holystone reaches the registry.")
    REGISTRY_PUBLIC_NAME: str = _setting(
        "", _text, "Name shown in pull commands. Empty: host and port of `REGISTRY_URL`."
    )
    REGISTRY_USERNAME: str = _setting("", _text, "User name for the registry, or for its token server. Empty: none.")
    REGISTRY_PASSWORD: str = _secret(
        "", _text, "Password for the registry. With the user name `<token>`: a refresh token."
    )
    TOKEN_REALMS: tuple[str, ...] = _setting(
        "",
        _hosts,
        "Hosts of token servers to trust with the password although they are neither https nor the registry's own, separated by commas.",
    )
    REGISTRY_CA: Path | None = _setting(
        "", _path, "File with the certificate authority of the registry. Empty: the system's."
    )
    REPOSITORIES: tuple[str, ...] | Path = _setting(
        "",
        _repositories,
        "Repositories, where the registry does not list all: names, separated by commas, or a file (`/…`) with one a line.",
    )
    REGISTRY_CONNECT_TIMEOUT: float = _setting("5s", _seconds, "How long a connection to the registry may take.")
    REGISTRY_READ_TIMEOUT: float = _setting("60s", _seconds, "How long the registry may be silent within an answer.")
    REGISTRY_STORE: Path | None = _setting(
        "",
        _path,
        "Root directory of the registry's storage, where this machine can read it: exact times of pushes and freed bytes.",
    )
    REGISTRY_CONFIG: Path | None = _setting(
        "",
        _path,
        "The registry's configuration file, where this machine can read it: what would make a run dangerous is found in it.",
    )
    REGISTRY_READS_URL: str = _setting(
        "",
        _optional_address,
        "The keeper's `--reads-address`, behind nginx: pulls never stop during a run. Empty: none.",
    )
    REGISTRY_OTHER_URLS: tuple[str, ...] = _setting(
        "",
        _addresses,
        "Other registries on the same storage, separated by commas: a run begins only when they refuse writes.",
    )
    KEEPER_FOLDER: Path | None = _setting(
        "", _path, "Folder of the keeper in front of the registry. Empty: Holystone cannot restart this registry."
    )
    MAINTENANCE_MAX_DURATION: float = _setting("4h", _seconds, "A collection that takes longer is ended.")
    PROBE_REPOSITORY: str = _setting(
        "",
        _repository,
        "Repository in which a run proves by a small push, pull and delete that the registry is back. Empty: no such proof.",
    )
    PUBLIC_URL: str = _setting(
        "", _optional_address, "Address at which people reach Holystone, for the links in messages. Empty: no links."
    )
    WEBHOOK_URL: str = _secret("", _called_address, "Address that notices are posted to, as JSON. Empty: none.")
    WEBHOOK_SECRET: str = _secret("", _text, "Signs what is posted to `WEBHOOK_URL` (HMAC-SHA256). Empty: unsigned.")
    PRIVATE_WEBHOOKS: bool = _setting(
        "false", _yes_or_no, "Whether `WEBHOOK_URL` and `DEAD_MANS_SWITCH_URL` may be private addresses."
    )
    DEAD_MANS_SWITCH_URL: str = _secret(
        "", _called_address, "Address that is called after every successful window. Empty: none."
    )
    MAIL_SERVER: str = _setting("", _host_and_port, "Mail server for notices, such as `mail.example:587`. Empty: none.")
    MAIL_SECURITY: str = _setting(
        "starttls", _mail_security, "How the mail server is spoken to: `starttls`, `tls` or `none`."
    )
    MAIL_USERNAME: str = _setting("", _text, "User name for the mail server. Empty: none.")
    MAIL_PASSWORD: str = _secret("", _text, "Password for the mail server.")
    MAIL_FROM: str = _setting("", _mail_address, "Sender of the mails.")
    MAIL_TO: tuple[str, ...] = _setting("", _mail_addresses, "Who gets the mails, separated by commas.")
    METRICS_TOKEN: str = _secret("", _bearer_token, "Bearer token for `/metrics`. Empty: there is no such page.")
    SYNC_INTERVAL: float = _setting("5m", _seconds, "Time between two looks at what the registry holds.")
    SYNC_REQUESTS_PER_SECOND: int = _setting(
        "100",
        _from_one,
        "So often a look asks the registry again for what is known; what is new is read at once.",
    )
    DELETE_ENABLED: bool = _setting("true", _yes_or_no, "Whether anybody may delete through Holystone.")
    PROTECTED_TAGS: tuple[str, ...] = _setting(
        "",
        _patterns,
        "Tags that stay, as patterns with `*` and `?`, separated by commas. An administrator can include them expressly.",
    )
    TRASH_RETENTION: int = _setting(
        "14",
        _count,
        "Days for which what was deleted can be restored; so long its space stays in use. 0: it is deleted for good at once.",
    )
    TRASH_MAX_BYTES: int = _setting(
        "0",
        _size,
        "The trash holds no more than this back, such as `20GB`: what was deleted first loses its date. 0: no such limit.",
    )
    RETENTION_MAX_SHARE: int = _setting(
        "20",
        _percent,
        "The share of a repository's tags, in percent, that one run of the retention rules takes without asking.",
    )
    ANONYMOUS_VIEW: bool = _setting("false", _yes_or_no, "Whether anybody may look without signing in.")
    SESSION_IDLE: float = _setting("12h", _seconds, "A session ends after this time without a request.")
    SESSION_MAX: float = _setting("14d", _seconds, "A session ends after this time in any case.")
    TRUSTED_PROXIES: int = _setting(
        "0", _count, "Number of proxies in front whose `X-Forwarded-…` headers are believed."
    )

    @property
    def database_url(self) -> str:
        """The address of the SQLite file, with its default filled in."""
        return self.DATABASE_URL or f"sqlite:///{self.DATA_DIR / 'holystone.db'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is never to stand in a log: passwords, keys, and addresses that let in whoever knows them.

        Of an address also its path alone, which is what errors of a connection name.
        """
        hidden = [getattr(self, each.name) for each in fields(self) if "is_secret" in each.metadata]
        paths = [urlsplit(each).path for each in hidden if "://" in each]
        return tuple(each for each in (*hidden, *paths) if each)

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the settings that are not at their default, without `HOLYSTONE_`."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != _at_default(each))

    @property
    def public_name(self) -> str:
        """The registry's name as people write it before a repository, such as `registry.example`."""
        return self.REGISTRY_PUBLIC_NAME or urlsplit(self.REGISTRY_URL).netloc


def _at_default(setting: Any) -> Any:
    default = setting.metadata["default"]
    return None if default is None else setting.metadata["read"](default)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings from `environment`.

    Raises:
        SettingError: one is missing, unknown or cannot be read; its text is a sentence with the remedy.
    """
    known = {PREFIX + each.name: each for each in fields(Settings)}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            raise SettingError(f"{name} is not a setting of Holystone.{_nearest(name, known)}")
    settings = Settings(**{each.name: _read(each, environment.get(name)) for name, each in known.items()})
    _refuse_half_of_the_mail(settings)
    return settings


def _refuse_half_of_the_mail(settings: Settings) -> None:
    if settings.MAIL_SERVER and not (settings.MAIL_FROM and settings.MAIL_TO):
        missing = "MAIL_FROM" if not settings.MAIL_FROM else "MAIL_TO"
        raise SettingError(f"{PREFIX}MAIL_SERVER is set, but {PREFIX}{missing} is not: no mail could be sent.")


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known], n=1)
    return f" Did you mean {PREFIX}{near[0]}?" if near else " README.md lists them all."


def _read(setting: Any, given: str | None) -> Any:
    value = setting.metadata["default"] if given is None else given.strip()
    name = PREFIX + setting.name
    if value is None:
        raise SettingError(f"{name} is not set. {setting.metadata['does']} `openssl rand -hex 32` makes one.")
    try:
        return setting.metadata["read"](value)
    except ValueError as problem:
        raise SettingError(f"{name} cannot be read: {problem}.") from None
