"""The body of a snapshot: resolved values, written as YAML that all parsers read alike.

YAML 1.1, YAML 1.2 and OmegaConf disagree about many plain words (`on`, `010`, `1e-3`, `2024-01-01`). A string is
therefore unquoted only if all three read it as a string, and other values use a form that all three read alike.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from typing import Any

import yaml

from experimentstash.core.errors import StashError

MISSING = "???"

# Words that some parser reads as a boolean, a null or a number.
_NOT_TEXT = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|none|nan|inf|infinity)")
_CLEARLY_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_INTERPOLATION = re.compile(r"(\\*)\$\{")

Tree = dict[str, Any]
"""A node: `{"map": [[key, node], …]}`, `{"list": [node, …]}` or `{"leaf": scalar}`, in JSON."""


def escape(text: str) -> str:
    r"""Return the string that OmegaConf reads as `text`: escapes each `${` and the backslashes before it.

    OmegaConf looks for escapes only in a string that contains `${`. There, it reads backslashes as escapes only before
    `${` and at the end of the string.
    """
    if "${" not in text:
        return text
    return _INTERPOLATION.sub(lambda match: match[1] * 2 + r"\${", text)


def render(tree: Tree) -> str:
    """Return the YAML text of a config, from a cache if it was rendered before.

    Raises:
        StashError: a string contains a lone surrogate, which UTF-8 cannot encode.
    """
    return _rendered(json.dumps(tree))


@functools.lru_cache(maxsize=64)
def _rendered(tree: str) -> str:
    try:
        text: str = yaml.dump(
            _plain(json.loads(tree)),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=2**31,
        )
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StashError(
            f"a text of the config holds {error.object[error.start]!r}, which cannot be written to a file"
        ) from None
    return text


def differing(first: Tree, second: Tree, path: str = "") -> list[str]:
    """Return the dotted keys at which two compositions of one experiment differ."""
    if json.dumps(first) == json.dumps(second):  # not `==`: in Python, 1 equals True
        return []
    if "map" in first and "map" in second:
        keys = [[_key_text(key) for key, _ in tree["map"]] for tree in (first, second)]
        if keys[0] == keys[1]:
            pairs = zip(keys[0], first["map"], second["map"], strict=True)
            return [found for key, (_, a), (_, b) in pairs for found in differing(a, b, _join(path, key))]
    if "list" in first and "list" in second and len(first["list"]) == len(second["list"]):
        items = enumerate(zip(first["list"], second["list"], strict=True))
        return [found for index, (a, b) in items for found in differing(a, b, _join(path, str(index)))]
    return [path]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _key_text(key: Any) -> str:
    return str(_scalar(key))


def _plain(tree: Tree) -> Any:
    if "map" in tree:
        return {_scalar(key): _plain(child) for key, child in tree["map"]}
    if "list" in tree:
        return [_plain(child) for child in tree["list"]]
    value = _scalar(tree["leaf"])
    return escape(value) if isinstance(value, str) else value


def _scalar(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"]) if "bytes" in value else float(value["float"])
    return value


class _Dumper(yaml.SafeDumper):
    """The pure Python dumper, which writes the same bytes with every version of libyaml."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (PyYAML's signature)
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _CLEARLY_TEXT.fullmatch(text) and not _NOT_TEXT.fullmatch(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain or text == MISSING else '"')


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    if value != value:
        text = ".nan"
    elif value in (float("inf"), float("-inf")):
        text = ".inf" if value > 0 else "-.inf"
    else:
        # YAML 1.1 requires a point and a signed exponent: `1.0e-05`. Python writes `1e-05`.
        text = repr(value)
        mantissa, e, exponent = text.partition("e")
        if e:
            text = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)
