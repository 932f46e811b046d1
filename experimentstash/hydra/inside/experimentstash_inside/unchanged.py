"""Checks that a task gets the frozen config, and stops callbacks from changing it again."""

from __future__ import annotations

import copy
import functools
from typing import Any, Callable, Iterator, List, Tuple

from hydra._internal.callbacks import Callbacks
from omegaconf import DictConfig, ListConfig

from experimentstash_inside.order import FROZEN, Order

_Leave = Callable[[str, str], None]


def differing(frozen: Any, config: DictConfig, overrides: List[str]) -> List[str]:
    """Return the keys at which a loaded config differs from the frozen one.

    Args:
        frozen: the frozen config.
        config: the loaded config, with Hydra's node.
        overrides: what it was loaded with: the keys that they set are left out.
    """
    typed = [line.partition("=")[0].lstrip("+~").partition("@")[0] for line in overrides]
    return [key for key in _differing(frozen, config, "") if not any(_overlap(key, own) for own in typed)]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def _differing(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, (DictConfig, ListConfig)) and type(one) is type(other):
        contents = [node.__dict__["_content"] for node in (one, other)]
        if all(isinstance(content, (dict, list)) for content in contents):
            items = [dict(_items(content, top=not place)) for content in contents]
            for key in {**items[0], **items[1]}:
                inner = "%s.%s" % (place, key) if place else str(key)
                if key not in items[0] or key not in items[1]:
                    yield inner
                else:
                    yield from _differing(items[0][key], items[1][key], inner)
            return
        one, other = contents
    else:
        one, other = _raw(one), _raw(other)
    if type(one) is not type(other) or not (one == other or one != one):
        yield place


def _items(content: Any, *, top: bool) -> Iterator[Tuple[Any, Any]]:
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    return ((key, node) for key, node in pairs if not (top and key == "hydra"))


def _raw(node: Any) -> Any:
    return node._value() if hasattr(node, "_value") else node


def keep_from_callbacks(order: Order, leave: _Leave) -> None:
    """Let callbacks of the tool change the config no further.

    It was frozen after they had changed it. They are called all the same, and with the name that the config had.

    Args:
        order: the request of the parent process.
        leave: says what is wrong, and ends the process.
    """
    own = Callbacks._notify
    names: List[Any] = []

    @functools.wraps(own)
    def notify(self: Any, function_name: str, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("config_name") == FROZEN and "config" in kwargs:
            if "hydra" in kwargs["config"]:  # a sweeper may have taken it out by the end
                names.append(kwargs["config"].hydra.job.config_name)
            kwargs["config_name"] = names[-1] if names else FROZEN
        if function_name != "on_run_start" or not self.callbacks:
            return own(self, function_name, *args, **kwargs)
        config = kwargs["config"]
        before = copy.deepcopy(config)
        own(self, function_name, *args, **kwargs)
        changed = differing(before, config, order.overrides)
        if changed and any(not line.lstrip("+~").startswith(("hydra.", "hydra/")) for line in order.overrides):
            leave(
                "a callback of the tool changes %s, which was frozen after it had done so: with other overrides,"
                " nobody knows its value" % ", ".join(changed[:5]),
                "experimentstash run %s %s %s=VALUE" % (order.replay, " ".join(order.overrides), changed[0]),
            )
        if changed:
            _restore(config, before)
        return None

    Callbacks._notify = notify  # type: ignore[method-assign]


def _restore(config: DictConfig, before: DictConfig) -> None:
    content = config.__dict__["_content"]
    restored = {key: content[key] if key == "hydra" else node for key, node in before.__dict__["_content"].items()}
    for node in restored.values():
        node._set_parent(config)
    config.__dict__["_content"] = restored
