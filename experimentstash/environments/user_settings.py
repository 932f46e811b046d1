"""Passes the user's settings of uv and pip to an installer: the sources of packages, and nothing else.

The lock decides what is installed. Index, mirror, credentials, proxies, certificates and caches are the user's
choice; versions, resolution and paths are not, or one lock would give two users different environments.
"""

from __future__ import annotations

import configparser
import functools
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UV = re.compile(
    r"index|default-index|index-url|extra-index-url|find-links|no-index|keyring-provider|allow-insecure-host|native-tls"
    r"|system-certs|https?-proxy|no-proxy|cache-dir|no-cache|offline|concurrent-\w+|link-mode|compile-bytecode"
    r"|python-(preference|downloads|install-mirror|downloads-json-url)|pypy-install-mirror|native-auth"
)
"""The settings of uv's files that are kept; those of its table `pip` have the same names."""
_UV_VARIABLE = re.compile(
    r"UV_(INDEX(_URL|_\w+_USERNAME|_\w+_PASSWORD)?|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|KEYRING_PROVIDER"
    r"|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS|HTTP_\w+|REQUEST_TIMEOUT|CACHE_DIR|NO_CACHE|OFFLINE|CONCURRENT_\w+|LINK_MODE"
    r"|COMPILE_BYTECODE|PYTHON_(PREFERENCE|DOWNLOADS|INSTALL_\w+|DOWNLOADS_JSON_URL|CACHE_DIR|BIN_DIR|NO_REGISTRY)"
    r"|PYPY_INSTALL_MIRROR|(NO_)?MANAGED_PYTHON|LOCK_TIMEOUT|NO_PROGRESS|CREDENTIALS_DIR|GITHUB_TOKEN|AZURE_\w+|S3_\w+|GCS_\w+)"
)
_PIP = re.compile(
    r"index-url|extra-index-url|find-links|no-index|trusted-host|cert|client-cert|proxy|timeout|default-timeout|retries"
    r"|resume-retries|cache-dir|no-cache-dir|keyring-provider|disable-pip-version-check|no-input|root-user-action"
)
_SECTIONS = ("global", "install")
"""The sections of pip's files that apply to an installation; later ones take precedence."""


def is_kept(variable: str) -> bool:
    """Return whether an installer may get a variable of uv or pip from the user's environment."""
    if variable.startswith("UV_"):
        return _UV_VARIABLE.fullmatch(variable) is not None
    return not variable.startswith("PIP_") or _PIP.fullmatch(variable[4:].lower().replace("_", "-")) is not None


def from_files(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give an installer the kept settings of the user's files, and no others.

    Args:
        env: the user's environment.

    Raises:
        StashError: a file of settings cannot be read.
    """
    words = ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "UV_CONFIG_FILE", "UV_NO_CONFIG", "PIP_CONFIG_FILE")
    uv, pip = _from_files(tuple((word, env.get(word, "")) for word in words))
    missing = {key: value for key, value in pip.items() if key not in env}  # a variable takes precedence over a file
    return {**uv, **missing, "PIP_CONFIG_FILE": os.devnull}  # pip then reads no other file


@functools.cache
def _from_files(places: tuple[tuple[str, str], ...]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    env = {key: value for key, value in places if value}
    return _of_uv(env), _of_pip(env)


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _system(env: Mapping[str, str]) -> list[Path]:
    return [Path(place) for place in (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if place]


def _of_uv(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that point uv to files with the kept settings; empty if all settings are kept.

    A file given with `UV_CONFIG_FILE` would also replace the project's own settings.
    """
    user = _home(env) / "uv/uv.toml"
    system = next((file for place in _system(env) if (file := place / "uv/uv.toml").is_file()), Path("/etc/uv/uv.toml"))
    chosen = Path(env["UV_CONFIG_FILE"]) if "UV_CONFIG_FILE" in env else user
    settings = [{} if env.get("UV_NO_CONFIG") else _read(file) for file in (chosen, system)]
    kept = [_kept(one) for one in settings]
    if kept == settings and chosen == user:
        return {}
    root = _folder()
    _write(root / "user/uv/uv.toml", kept[0])
    _write(root / "system/uv/uv.toml", kept[1])
    _link_others(_home(env), root / "user")
    _link_others(_home(env) / "uv", root / "user/uv")
    dirs = ":".join(str(place) for place in (root / "system", *_system(env)))
    return {"XDG_CONFIG_HOME": str(root / "user"), "XDG_CONFIG_DIRS": dirs}


def _folder() -> Path:
    """Return a private directory that is removed when this process ends."""
    _kept_folders.append(tempfile.TemporaryDirectory(prefix="experimentstash-"))
    return Path(_kept_folders[-1].name)


_kept_folders: list[tempfile.TemporaryDirectory[str]] = []


def _read(file: Path) -> dict[str, Any]:
    try:
        return toml_text.parse(file.read_bytes(), str(file))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StashError(f"{file}: cannot be read: {error.strerror}") from None


def _kept(settings: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in settings.items() if _UV.fullmatch(key)}
    of_pip = {key: value for key, value in toml_text.table(settings, "pip").items() if _UV.fullmatch(key)}
    return {**kept, **({"pip": of_pip} if of_pip else {})}


def _write(file: Path, settings: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key} = {_inline(value)}\n" for key, value in settings.items()), encoding="utf-8")


def _inline(value: Any) -> str:
    """Return a value as TOML on one line, with strings as in JSON. The standard library only reads TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _link_others(folder: Path, into: Path) -> None:
    """Keep the settings of other programs (such as git, which uv calls) at their current paths."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (into / entry.name).exists():
            (into / entry.name).symlink_to(entry.resolve())


def _of_pip(env: Mapping[str, str]) -> dict[str, str]:
    """Return the kept settings of pip's files, as the equivalent variables."""
    found: dict[str, str] = {}
    for file in _files_of_pip(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise StashError(f"{file}: cannot be read: {error}") from None
        for section in filter(parser.has_section, _SECTIONS):
            kept = [(key.replace("_", "-"), value) for key, value in parser.items(section)]
            found |= {f"PIP_{key.upper().replace('-', '_')}": value for key, value in kept if _PIP.fullmatch(key)}
    return {key: " ".join(value.split()) for key, value in found.items()}


def _files_of_pip(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's files, in increasing precedence (pip's documentation, *Configuration*)."""
    named = env.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    yield Path("/Library/Application Support/pip/pip.conf")
    yield from (place / "pip/pip.conf" for place in reversed(_system(env)))
    yield Path("/etc/pip.conf")
    yield Path(sys.prefix) / "pip.conf"
    yield Path.home() / ".pip/pip.conf"
    apple = Path.home() / "Library/Application Support/pip"
    yield (apple if apple.is_dir() else _home(env) / "pip") / "pip.conf"
    if named:
        yield Path(named)
