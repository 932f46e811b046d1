"""What belongs to this machine or this moment and must not stand in a frozen file: paths, names, secrets."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
from typing import Dict, List, Optional, Tuple

# A name is split at '_', '-', '.' and at lower-to-upper changes: `HF_TOKEN`, `wandbApiKey`, but not `MONKEY`.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    [
        "token",
        "tokens",
        "key",
        "keys",
        "apikey",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "pass",
        "pwd",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "creds",
        "auth",
        "authorization",
        "bearer",
        "cookie",
        "cookies",
        "pat",
        "jwt",
        "private",
        "signature",
    ]
)
_SECRET_INSIDE = re.compile(r"token|passw|secret|credential|apikey|passphrase", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@|\b(gh[pousr]_|github_pat_|hf_|sk-|xox[abp]-|glpat-)[A-Za-z0-9_-]{16,}|\bAKIA[0-9A-Z]{16}\b"
)
_PERSONAL = frozenset(
    [
        "USER",
        "LOGNAME",
        "USERNAME",
        "HOSTNAME",
        "HOST",
        "HOME",
        "PWD",
        "OLDPWD",
        "TMPDIR",
        "TEMP",
        "TMP",
        "SHELL",
        "PATH",
    ]
)
_ABSOLUTE = re.compile(r"/|~|[A-Za-z]:[\\/]|\\\\|file:/")
_SHORTEST_SECRET = 8  # characters; shorter values of secret-named variables would match by chance


def is_secret_name(name: str) -> bool:
    """Tell whether an environment variable is named like a secret (spec.md, section *Freezing*)."""
    words = {word.lower() for word in _WORDS.findall(name)}
    return bool(words & _SECRET_WORDS) or _SECRET_INSIDE.search(name) is not None


def is_machine_value(name: str, value: str) -> bool:
    """Tell whether what the variable `name` holds belongs to this machine: a path of it, a person, a secret."""
    return (
        is_secret_name(name)
        or name.upper() in _PERSONAL
        or _ABSOLUTE.match(value) is not None
        or _SECRET_VALUE.search(value) is not None
        or any(place in value for place in places())
        or value in _people()
    )


def is_machine_text(value: str) -> bool:
    """Tell whether a text that a resolver made holds a path of this machine, its user or its name."""
    return any(_holds_path(value, place) for place in places()) or value in _people()


def places() -> List[str]:
    """Return the folders that are this machine's own: the home and the working folder."""
    home = os.path.expanduser("~")
    return [place for place in {home, os.path.realpath(home), os.getcwd(), os.environ.get("PWD", "")} if len(place) > 1]


def _people() -> List[str]:
    users = [os.environ.get(name, "") for name in ("LOGNAME", "USER", "USERNAME")]
    with contextlib.suppress(KeyError):  # a container's user may have no entry
        users.append(pwd.getpwuid(os.getuid()).pw_name)
    return [name for name in (*users, os.uname().nodename) if name]


def _holds_path(value: str, place: str) -> bool:
    return re.search(re.escape(place) + r"(?=$|[/\\:;,\s])", value) is not None


def portable(value: str, roots: Dict[str, str]) -> Optional[str]:
    """Return `value` with each folder of `roots` written as its interpolation, or None if it holds none.

    Args:
        value: a text of the config that no interpolation made.
        roots: interpolation by folder, longest folder first.
    """
    changed = value
    for folder, interpolation in roots.items():
        found = re.split(re.escape(folder) + r"(?=$|[/\\:;,\s])", changed)
        changed = interpolation.join(found)
    return None if changed == value else changed


def secret_values() -> List[Tuple[str, str]]:
    """Return the names and values of the environment's secrets, to be looked for in what is frozen."""
    return [
        (name, value)
        for name, value in os.environ.items()
        if is_secret_name(name) and len(value) >= _SHORTEST_SECRET and not os.path.exists(value)
    ]
