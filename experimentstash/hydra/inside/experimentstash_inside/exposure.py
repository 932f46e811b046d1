"""Finds values whose text shows a secret or this machine, whatever their origin."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from omegaconf import Node, OmegaConf

from experimentstash_inside import machine, secrets, tokens, visits
from experimentstash_inside.addresses import Path, dotted
from experimentstash_inside.kinds import CONTAINERS
from experimentstash_inside.lateness import LateError, variables_read
from experimentstash_inside.tracing import Trace
from experimentstash_inside.visits import Place

_AT_THE_RUN = "???"
_TEXTS = (str, bytes, pathlib.PurePath)


class Exposure:
    """Searches the values and keys of a config for secrets and data of this machine.

    Args:
        roots: interpolation by directory of this machine, longest directory first.
        typed: tells whether a text stands in the config files, or, with `overrides`, in an override: somebody wrote
            it, no machine did.

    Attributes:
        found: keys with a secret that cannot be removed, and its kind.
    """

    def __init__(self, roots: Dict[str, str], typed: Callable[..., bool]) -> None:
        self._roots, self._typed = roots, typed
        self._secrets = secrets.Secrets()
        self._marks = machine.marks(roots)
        self.found: List[Tuple[str, str]] = []

    def check(self, place: Place, node: Node, value: Any, trace: Trace) -> List[str]:
        """Return what there is to tell of the text of a value that is frozen.

        Raises:
            LateError: it shows a secret or this machine, and its interpolation says how to make it.
        """
        if trace.calls or not isinstance(value, (*_TEXTS, *CONTAINERS)):
            self._check_made(list(machine.texts_of(_plain(value))))
            return [] if place.is_copy else self._check_interpolation(place.path, visits.text(place, node))
        if not isinstance(value, _TEXTS):
            return []  # a mapping or a list: each of its values is visited
        text = next(machine.texts_of(value))
        if trace.own_nodes and not place.is_copy:
            self._check_composed(text)
            text = visits.text(place, node)
        return self._check_literal(place.path, text, is_text=isinstance(value, str))

    def kept(self, value: Any, trace: Trace) -> str:
        """Return the notice for a value that the user keeps."""
        held = self._held(list(machine.texts_of(_plain(value))))
        named = [str(call.args[0]) for call in variables_read(trace) if call.args]
        what = [held.what] if held else ["the secret %s" % name for name in named if secrets.is_secret_name(name)]
        if not what:
            return "kept, as you said"
        return "kept, as you said: %s STANDS IN THE FILE, for everybody who gets the stash" % what[0].upper()

    def check_keys(self, path: Path, keys: Sequence[Any]) -> None:
        """Record the keys of a mapping that contain a secret or a directory of this machine: a key cannot be late."""
        for key in keys:
            if isinstance(key, (str, bytes)):
                self._check_key(path, key if isinstance(key, str) else key.decode("utf-8", "replace"))

    def shown(self, text: str) -> str:
        """Return what the line of a late value may say: `???` where it holds a secret without a name."""
        text = self._secrets.replaced(text)
        if self._secrets.find(text) is not None:
            return _AT_THE_RUN
        return (machine.portable(text, self._roots) or text) if tokens.holds_any(text, self._marks) else text

    def _check_key(self, path: Path, text: str) -> None:
        held = self._held([text])
        if held is not None:
            self.found.append((dotted(path), "a key of it holds %s" % held.what))
        elif not tokens.holds_any(text, self._marks):
            return
        elif machine.portable(text, self._roots) is not None and not self._is_typed(text):
            self.found.append((dotted(path), "a key of it contains a directory or a user name of this machine"))

    def _check_made(self, texts: Sequence[str]) -> None:
        """What a resolver made may hold a secret or a path of the machine anywhere: then the whole is late."""
        held = self._held(texts)
        if held is not None:
            raise LateError("it holds %s" % held.what)
        for text in filter(machine.is_machine_text, texts):
            if not machine.is_person(text) or not self._is_typed(text, overrides=True):
                raise LateError("a value of this machine")

    def _check_interpolation(self, path: Path, text: str) -> List[str]:
        """A value that shows nothing may be made of arguments that do, and a `BUILT` line holds them."""
        held = self._held([text])
        if held is not None and held.name:
            raise LateError("its interpolation holds %s" % held.what)
        if held is not None:
            self.found.append((dotted(path), "its interpolation holds %s" % held.what))
        return self._check_place(text) if tokens.holds_any(text, self._marks) else []

    def _check_composed(self, text: str) -> None:
        """Values that show nothing may make up a text that does."""
        held = self._held([text])
        if held is not None:
            raise LateError("it holds %s" % held.what)

    def _check_literal(self, path: Path, text: str, *, is_text: bool) -> List[str]:
        """A default that was worked out while the tool was imported may hold a path or a secret of the machine."""
        held, told = self._held([text]), []
        if held is not None and (held.name or not is_text):
            raise LateError("it holds %s" % held.what, self._secrets.replaced(text) if is_text else _AT_THE_RUN)
        if held is not None:
            self.found.append((dotted(path), "it holds %s" % held.what))
        elif tokens.looks_drawn(dotted(path[-2:]), text):
            self.found.append((dotted(path), "its key and its text look like a secret"))
        elif tokens.asks_for_secret(str(path[-1]), text):
            told = ["named like a secret, and frozen as it is written"]
        if tokens.holds_any(text, self._marks):
            told += self._check_place(text)
        return told

    def _check_place(self, text: str) -> List[str]:
        changed = machine.portable(text, self._roots)
        if changed is not None and self._is_typed(text):
            return ["a path of this machine, frozen as the config has it"]
        if changed is not None:
            raise LateError("a path of this machine", changed)
        if not self._is_typed(text, overrides=not machine.is_rare_name(text)):
            changed = machine.portable_default(text, self._roots)
            if changed is not None and not machine.is_typed_in_source(text):
                raise LateError("a path or a name of this machine", changed)
        return []

    def _held(self, texts: Sequence[str]) -> Optional[tokens.Held]:
        for text in texts:
            held = self._secrets.find(text)
            whole = None if held else self._secrets.find_whole(text)
            if whole is not None and not self._is_typed(text):  # searches all config files
                held = whole
            if held is not None:
                return held
        return None

    def _is_typed(self, text: str, *, overrides: bool = False) -> bool:
        return self._typed(text, True) if overrides else self._typed(text)


def _plain(value: Any) -> Any:
    """Return a container as Python has it; what it is built from is looked at by itself."""
    return OmegaConf.to_container(value, resolve=False) if isinstance(value, CONTAINERS) else value
