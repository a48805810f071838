"""Whether the registry is set up so that a run loses nothing: from its file and the names of its variables.

Facts: distribution.md 1.5 (drain, secret), 2.2 (variables that panic), 3.7 (descriptor cache), 5.7 (drain).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from webapp.checks import Check, CheckState
from webapp.maintenance.registry_file import RegistryFile, Setting, go_seconds, read_registry_file, setting

DOWNLOADS = "Downloads in progress"
UPLOADS = "Uploads in progress"
CACHE = "Descriptor cache"
PROXY = "Pull-through cache"
MAINTENANCE = "Variables of maintenance"

DRAIN_LINES = "http:\n  draintimeout: 30s"
SECRET_LINES = "http:\n  secret: SOME-LONG-RANDOM-TEXT"  # noqa: S105 a placeholder
CACHE_LINES = "storage:\n  cache:\n    blobdescriptor: inmemory"
CONFIRM = 'Set HOLYSTONE_REGISTRY_CONFIG, or have an administrator record "I have checked".'
CONFIRM_VARIABLES = 'Look at the value of {names}, and have an administrator record "I have checked".'


def config_checks(config: Path | None, variables: Collection[str], drain_s: float, is_confirmed: bool) -> list[Check]:
    """All checks of the registry's settings. BAD refuses a run, and so does what `needs_confirmation` finds.

    Args:
        config: the registry's file (HOLYSTONE_REGISTRY_CONFIG); None where it is not named.
        variables: the names of the REGISTRY_* variables that the keeper was started with.
        drain_s: the keeper's `--drain`.
        is_confirmed: whether an administrator has recorded that no redis and no proxy is used.
    """
    file = read_registry_file(config)
    return [
        _downloads(setting(file, variables, "http", "draintimeout"), drain_s),
        _uploads(setting(file, variables, "http", "secret")),
        _cache(_cache_setting(file, variables), is_confirmed),
        _proxy(setting(file, variables, "proxy", "remoteurl"), is_confirmed),
        _maintenance(file, variables),
    ]


def needs_confirmation(checks: Iterable[Check]) -> bool:
    """Whether a run has to wait for an administrator's 'I have checked': redis or a proxy can be neither seen nor ruled out."""
    return any(check.name in (CACHE, PROXY) and check.state == CheckState.UNKNOWN for check in checks)


def uses_redis(config: Path | None, variables: Collection[str] = ()) -> bool | None:
    """Whether the descriptor cache is in redis, which a collection by hand has to flush; None where that is not known."""
    found = _cache_setting(read_registry_file(config), variables)
    return found.value == "redis" if found.is_known else None


def _downloads(found: Setting, drain_s: float) -> Check:
    if not found.is_known:
        return Check(DOWNLOADS, CheckState.UNKNOWN, f"Whether they are waited for is not known. {found.why_unknown}")
    timeout_s = 0.0 if found.value is None else go_seconds(found.value)
    if timeout_s is None:
        return Check(DOWNLOADS, CheckState.UNKNOWN, "`http.draintimeout` in the registry's file is not a duration.")
    if timeout_s <= 0:
        sentence = "They are cut off when a run begins and ends, since `http.draintimeout` is not set."
        remedy = "Put these lines into the registry's file, with a time below the keeper's --drain, and restart it."
        return Check(DOWNLOADS, CheckState.WARNING, sentence, remedy, DRAIN_LINES)
    if timeout_s >= drain_s:
        sentence = f"The registry waits {timeout_s:g} s for them, but the keeper ends it after {drain_s:g} s."
        remedy = f"Start the keeper with a --drain above {timeout_s:g}, and give its process manager longer still."
        return Check(DOWNLOADS, CheckState.WARNING, sentence, remedy)
    return Check(DOWNLOADS, CheckState.GOOD, f"The registry waits up to {timeout_s:g} s for them.")


def _uploads(found: Setting) -> Check:
    if not found.is_known:
        return Check(UPLOADS, CheckState.UNKNOWN, f"Whether they survive a restart is not known. {found.why_unknown}")
    if found.value in (None, ""):
        sentence = "They are lost when a run begins and ends, since `http.secret` is not set."
        remedy = "Put these lines into the registry's file, with a text of your own, and restart it."
        return Check(UPLOADS, CheckState.WARNING, sentence, remedy, SECRET_LINES)
    return Check(UPLOADS, CheckState.GOOD, "A client may go on with them after a restart.")


def _cache_setting(file: RegistryFile, variables: Collection[str]) -> Setting:
    """`blobdescriptor`, or where there is none its old name; a variable for either hides both (`handlers/app.go`)."""
    old = setting(file, variables, "storage", "cache", "layerinfo")
    new = setting(file, variables, "storage", "cache", "blobdescriptor")
    if not old.is_known or not new.is_known:
        names = tuple(sorted({*new.variables, *old.variables}))
        return Setting(None, new.why_unknown or old.why_unknown, names)
    cache = setting(file, variables, "storage", "cache").value or {}
    return new if "blobdescriptor" in cache else old


def _cache(found: Setting, is_confirmed: bool) -> Check:
    if not found.is_known and is_confirmed:
        return Check(CACHE, CheckState.GOOD, "An administrator has checked that it is not in redis.")
    if not found.is_known:
        return _unknown(CACHE, "Whether it is in redis is not known.", found)
    if found.value == "redis":
        sentence = (
            "The registry's descriptor cache is in redis and outlives a collection: what is pushed afterwards would be"
            " answered as stored, and lost."
        )
        remedy = (
            "Put these lines into the registry's file and restart it, or free space by hand: the script on Maintenance"
            " flushes redis between collection and start. At any other moment a flush does not help."
        )
        return Check(CACHE, CheckState.BAD, sentence, remedy, CACHE_LINES)
    return Check(CACHE, CheckState.GOOD, "The registry keeps no descriptors beyond its own process.")


def _proxy(found: Setting, is_confirmed: bool) -> Check:
    if "REGISTRY_PROXY_REMOTEURL" in found.variables:
        return _is_proxy("REGISTRY_PROXY_REMOTEURL")
    if not found.is_known and is_confirmed:
        return Check(PROXY, CheckState.GOOD, "An administrator has checked that the registry is none.")
    if not found.is_known:
        return _unknown(PROXY, "Whether the registry is one is not known.", found)
    if found.value not in (None, ""):
        return _is_proxy("`proxy.remoteurl`")
    return Check(PROXY, CheckState.GOOD, "The registry keeps its own images, not those of another one.")


def _is_proxy(what: str) -> Check:
    sentence = f"The registry is a pull-through cache: {what} is set. It removes what it holds by itself."
    return Check(PROXY, CheckState.BAD, sentence, f"Let Holystone look after a registry without {what}.")


def _unknown(name: str, sentence: str, found: Setting) -> Check:
    remedy = CONFIRM_VARIABLES.format(names=" and ".join(found.variables)) if found.variables else CONFIRM
    return Check(name, CheckState.UNKNOWN, f"{sentence} {found.why_unknown}", remedy)


def _maintenance(file: RegistryFile, variables: Collection[str]) -> Check:
    """A variable for a key below `readonly` or `uploadpurging` panics at every start, unless the file has that map.

    Where the file has it, the variable is ignored (both tried on 2.8.2). The form for the whole map works.
    """
    leaves = {key: _leaves(variables, key) for key in ("readonly", "uploadpurging")}
    if not any(leaves.values()):
        return Check(MAINTENANCE, CheckState.GOOD, "No variable keeps the registry from starting.")
    worst = [name for key, names in leaves.items() for name in names if not _has_map(file, key)]
    if worst:
        sentence = (
            f"With {' and '.join(worst)} the registry panics at its next start, unless its file has that section."
        )
        remedy = "Take the variable away and write the setting into the registry's file."
        return Check(MAINTENANCE, CheckState.BAD, sentence, remedy)
    names = " and ".join(name for found in leaves.values() for name in found)
    sentence = f"The registry ignores {names}, since its file has that section."
    return Check(MAINTENANCE, CheckState.WARNING, sentence, "Take the variable away.")


def _leaves(variables: Collection[str], key: str) -> list[str]:
    return sorted(name for name in variables if name.upper().startswith(f"REGISTRY_STORAGE_MAINTENANCE_{key.upper()}_"))


def _has_map(file: RegistryFile, key: str) -> bool:
    return isinstance(setting(file, (), "storage", "maintenance", key).value, dict)
