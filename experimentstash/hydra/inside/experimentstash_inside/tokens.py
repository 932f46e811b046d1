"""Recognizes secrets by their text alone: tokens, private keys, credentials in URLs, and random texts."""

from __future__ import annotations

import functools
import re
from typing import Iterator, NamedTuple, Pattern, Tuple

_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@\"']*:[^/\s@\"']+@"
_QUERY = (
    r"(?i)[?&](?:access_|private_|api_|auth_)?(?:token|key|secret|password|passwd|sig|signature|x-amz-signature)="
    r"[^&\s\"'$]{8,}"
)
_AZURE = r"(?:AccountKey|SharedAccessKey|SharedAccessSignature)=[^;\s\"'$]{8,}"
_URLS = (_URL, _QUERY, _AZURE)
_REFERENCE = re.compile(r"\$\{[\w.:\[\]-]*\}")  # `${oc.env:TOKEN}` names a secret, and holds none
_FREE = r"(?<![A-Za-z0-9])"
_API_KEYS = (
    r"(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}"
    r"|nvapi-[\w-]{20,}|dckr_pat_[\w-]{16,}|lsv2_[a-z]{2}_\w{20,}|dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{32,}"
    r"|tskey-[\w-]{16,})"
)
# What it is, what stands in every text that holds one (which is quick to see), and its form, compiled when it is asked.
_TOKENS = (
    (
        "a GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        _FREE + r"(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{16,}",
    ),
    (
        "a GitLab token",
        tuple("gl%s-" % kind for kind in "pat dt rt rtr soat cbt ptt ft imt agent oas".split()),
        _FREE + r"gl(?:pat|dt|rt|rtr|soat|cbt|ptt|ft|imt|agent|oas)-[\w-]{16,}",
    ),
    ("a Hugging Face token", ("hf_", "api_org_"), _FREE + r"(?:hf_|api_org_)[A-Za-z0-9]{16,}"),
    ("an API key (sk-…)", ("sk-",), _FREE + r"sk-(?:[a-z]+\d*-){0,3}(?=\w*[A-Z0-9])[A-Za-z0-9_]{16,}"),
    ("a Slack token", ("xox", "xapp-"), _FREE + r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{12,}"),
    ("an AWS access key", ("AKIA", "ASIA"), r"(?<![A-Za-z0-9/+])A[KS]IA[0-9A-Z]{16}(?![A-Za-z0-9/+])"),
    ("a Google API key", ("AIza", "ya29.", "GOCSPX-"), r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"),
    ("a W&B API key", ("wandb_v1_", "local-"), r"wandb_v1_\w{20,}|(?<![A-Za-z0-9-])local-[0-9a-f]{40}"),
    ("a JSON Web Token", ("eyJ",), r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    ("a private key", ("PRIVATE KEY",), r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    ("an npm token", ("npm_",), _FREE + r"npm_[A-Za-z0-9]{20,}"),
    ("a PyPI token", ("pypi-",), _FREE + r"pypi-(?:AgE[\w-]{16,}|[A-Za-z0-9_]{32,})"),
    (
        "an API key",
        ("sk_", "rk_", "SG.", "gsk_", "r8_", "nvapi-", "dckr_pat_", "lsv2_", "dapi", "dop_v1_", "tskey-"),
        _FREE + _API_KEYS,
    ),
    ("a bearer token", ("earer ",), r"[Bb]earer (?=[^\s\"']*\d)[\w.~+/-]{20,}=*"),
    ("credentials in a URL", ("://",), _URL),
    ("a token in a URL", ("?", "&"), _QUERY),
    ("an account key", ("Key=", "Signature="), _AZURE),
)
MARKS = tuple(mark for _, marks, _ in _TOKENS for mark in marks)
"""One of these stands in every text that holds a token."""
_WHOLE = 4  # characters; a shorter text is a flag or a number
_LONG = 16  # characters; a shorter text is not drawn at random
_COMMON = frozenset("true false none null auto basic disabled enabled default required optional".split())
_SHORTEST = 12  # characters of a text that can hold one of them
# What stands under a key such as `wandb.api_key`, and says of itself no more than that somebody drew it.
_TELLING_KEY = re.compile(r"(?i)api_?key|access_?key|token(?!i[sz])|secret|passw|passphrase|wandb|credential")
_ASKING_KEY = re.compile(r"(?i)api_?key|access_?key|secret|passw|passphrase")
_DRAWN = re.compile(r"[0-9a-f]{32,}|(?=[^\d]*\d)(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9+/=_-]{20,}")


class Held(NamedTuple):
    """A secret in a text.

    Attributes:
        what: its kind, for the user; never the secret itself.
        text: the secret, as it stands in the text.
        name: the environment variable that has it; empty for a text that only looks like one.
    """

    what: str
    text: str
    name: str = ""


def looks_drawn(key: str, text: str) -> bool:
    """Return whether a text under a key that is named like a secret consists of random digits and letters."""
    return len(text) >= _LONG and _TELLING_KEY.search(key) is not None and _DRAWN.fullmatch(text) is not None


def asks_for_secret(key: str, text: str) -> bool:
    """Return whether a config key is named like a password or an API key, and its text may be one."""
    return len(text) >= _WHOLE and _ASKING_KEY.search(key) is not None and text.lower() not in _COMMON


def tokens(text: str) -> Iterator[Held]:
    """Yield each part of a text that looks like a token."""
    if len(text) < _SHORTEST or not holds_any(text, MARKS):
        return
    bare = ""
    for what, marks, pattern in _TOKENS:
        if not holds_any(text, marks):
            continue
        if pattern in _URLS and not bare:
            bare = _REFERENCE.sub("", text)
        for match in _compiled(pattern).finditer(bare if pattern in _URLS else text):
            yield Held("what looks like %s" % what, match[0])


def holds_any(text: str, marks: Tuple[str, ...]) -> bool:
    """Return whether one of some texts stands in a text."""
    for mark in marks:  # noqa: SIM110  (three times as fast as `any`, and every text of a config comes here)
        if mark in text:
            return True
    return False


@functools.lru_cache(maxsize=None)
def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(pattern)
