"""The secrets of an environment, by the names of variables, and what stands in a text of them in any form.

The program outside of the tool's process uses this module too (`core/secrets.py`): one definition for all.
"""

from __future__ import annotations

import base64
import json
import os
import re
from functools import lru_cache
from typing import Dict, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import quote, quote_plus

from .tokens import MARKS, Held, holds_any, tokens  # relative: the program outside uses this module too

# A name is split at '_', '-', '.' and at lower-to-upper changes: `HF_TOKEN`, `wandbApiKey`, but not `MONKEY`.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    "token tokens key keys apikey password passwords passwd passphrase pass pwd pw secret secrets credential "
    "credentials creds cred auth authorization bearer cookie cookies pat jwt private signature dsn".split()
)
_SECRET_INSIDE = re.compile(r"token(?!i[sz])|passw|secret|credential|apikey|passphrase", re.IGNORECASE)
_SECRET_END = re.compile(r"(?:key|pass|pwd|pw|dsn)$")  # `DBPASS`, `WANDBKEY`
_PLAIN_WORD = re.compile(
    r"(?:mon|don|tur|hot|jo?c|hoc|whis|tur|lac|mickey|key)key$|(?:com|by|tres|sur|under|over|encom|multi|single|two)pass$"
)
_NO_SECRETS = re.compile(r"(?:OLD)?PWD|GIT_CONFIG_KEY_\d+", re.IGNORECASE)  # directories, and names of git's settings
_FORM = 8  # characters; a shorter secret, or a plain word, is looked for only as a whole text
_PLAIN = re.compile(r"[a-z]{1,12}|[A-Z]{1,12}|[0-9.,:-]+")
_WHOLE = 4  # characters; a shorter one is a flag or a number
_COMMON = frozenset("true false none null auto basic disabled enabled default required optional".split())
_EVERYDAY = frozenset("postgres password keyring changeme".split())
"""Passwords that stand in other texts by chance."""
_LINE = 16  # characters of a line of a secret of several lines, such as a PEM key


@lru_cache(maxsize=1024)  # a command asks for every text that it writes
def is_secret_name(name: str) -> bool:
    """Return whether an environment variable is named like a secret (spec.md, section *Freezing*)."""
    if _NO_SECRETS.fullmatch(name):
        return False
    words = {word.lower() for word in _WORDS.findall(name)}
    return (
        bool(words & _SECRET_WORDS)
        or _SECRET_INSIDE.search(name) is not None
        or any(_SECRET_END.search(word) and not _PLAIN_WORD.search(word) for word in words)
    )


class Secrets:
    """The secrets of an environment, to be looked for in what is written.

    Args:
        environ: names and values; by default the environment of this process.
        more: further names and values, which are secrets whatever their names.
    """

    def __init__(self, environ: Optional[Mapping[str, str]] = None, more: Optional[Mapping[str, str]] = None) -> None:
        self.values: Dict[str, str] = {}
        for name, value in (os.environ if environ is None else environ).items():
            if (is_secret_name(name) or _holds_token(value)) and not _is_path(value):
                self.values[name] = value
        self.values.update(more or {})
        self._forms: List[Tuple[str, str]] = []
        self._whole: Dict[str, str] = {}
        for name, value in [*self.values.items(), *_in_urls(self.values)]:
            if len(value) >= _FORM and not _is_plain(name, value):
                self._forms += [(form, name) for form in dict.fromkeys(_forms(value))]
            elif len(value) >= _WHOLE and value.lower() not in _COMMON and not re.fullmatch(r"[0-9.,:-]+", value):
                self._whole.setdefault(value, name)
        self._forms.sort(key=lambda form: -len(form[0]))

    def find(self, text: str) -> Optional[Held]:
        """Return a secret that a text holds, or None."""
        if not self._forms and not holds_any(text, MARKS):
            return None
        return next(self.all(text), None)

    def find_whole(self, text: str) -> Optional[Held]:
        """Return the secret that a text is: one that is too short, or too plain a word, to be looked for in others."""
        name = self._whole.get(text)
        return None if name is None else Held("the secret %s" % name, text, name)

    def all(self, text: str) -> Iterator[Held]:
        """Yield each secret that a text holds: those of the environment first, then what looks like one."""
        for form, name in self._forms:
            if form in text:
                yield Held("the secret %s" % name, form, name)
        yield from tokens(text)

    def replaced(self, text: str) -> str:
        """Return a text of a config with each secret of the environment as its interpolation, `${oc.env:NAME}`."""
        if text in self._whole:
            return "${oc.env:%s}" % self._whole[text]
        for form, name in self._forms:
            if form == self.values[name]:
                text = text.replace(form, "${oc.env:%s}" % name)
        return text

    def masked(self, text: str) -> str:
        """Return a text for people, with `***` in the place of each secret."""
        for held in list(self.all(text)):
            text = text.replace(held.text, "***")
        return text


def _is_plain(name: str, value: str) -> bool:
    """Return whether a value is a number, or a word that stands in other texts by chance (`AUTH_MODE=kerberos`)."""
    if not _PLAIN.fullmatch(value):
        return False
    ends = (_WORDS.findall(name) or [""])[-1].lower()
    return not value.isalpha() or ends not in _SECRET_WORDS or value.lower() in _EVERYDAY


def _in_urls(values: Mapping[str, str]) -> Iterator[Tuple[str, str]]:
    """Yield what logs in, of each value that is a URL with a password or a token: it may stand elsewhere by itself."""
    for name, value in values.items():
        match = re.match(r"[a-zA-Z][\w+.-]*://(?:[^/\s:@]*:)?([^/\s@]+)@", value)
        if match is not None:
            yield name, match[1]


@lru_cache(maxsize=1024)
def _holds_token(value: str) -> bool:
    return next(tokens(value), None) is not None or re.match(r"https?://[^/\s@]+@", value) is not None


def _is_path(value: str) -> bool:
    return value.startswith(("/", "~", ".")) and os.path.exists(os.path.expanduser(value))


def _forms(value: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text: as it is, quoted, in base64 with something around it, in hex."""
    yield value
    yield from (quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1])
    data = value.encode("utf-8", "surrogateescape")
    yield from (data.hex(), data.hex().upper())
    for before in range(3):
        # Of four characters of base64, those that hold a neighbour's bits are left out.
        whole = (len(data) + before) // 3 * 4
        encoded = base64.b64encode(b"\0" * before + data).decode("ascii")[(0, 2, 3)[before] : whole]
        if len(encoded) >= _FORM:
            yield from (encoded, encoded.replace("+", "-").replace("/", "_"))
    if "\n" in value:
        yield from (line.strip() for line in value.split("\n") if len(line.strip()) >= _LINE)
