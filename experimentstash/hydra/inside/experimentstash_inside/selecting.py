"""How a program chooses an experiment: what Hydra was told, and what stands on its search path."""

from __future__ import annotations

import os
import posixpath
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from hydra.core.object_type import ObjectType

from experimentstash_inside.order import Order
from experimentstash_inside.overridetext import override
from experimentstash_inside.sources import folder as source_folder

ROOT = "."
"""The group of experiments that stand beside the program's primary config."""
_MOST = 2_000  # configs; a search path that is longer is not read to its end
_DEEPEST = 6  # groups in groups


class Choosing:
    """What decides how an experiment is chosen.

    Args:
        loader: Hydra's config loader.
        call: what it is asked to load, by parameter.
    """

    def __init__(self, loader: Any, call: Dict[str, Any]) -> None:
        name = call.get("config_name")
        self.config_name: Optional[str] = str(name) if name else None
        self.uses_compose = call.get("from_shell") is False
        self.repository = _with_search_path(loader, self.config_name, call)

    def way(self, group: str, experiment: str) -> str:
        """Return one of `group`, `append` and `primary`; empty if nothing tells.

        A program that names no config of its own takes the experiment as its config. An option of a group that is
        in the defaults list replaces what stands there; a config for the root is appended. A config that brings in
        the program's own config is the whole.
        """
        if group == ROOT or self.config_name is None:
            return "primary"
        path = "%s/%s" % (group, experiment)
        loaded = self._load(path)
        if loaded is not None and self._is_whole(path, loaded):
            return "primary"
        if group in self.chosen_groups():
            return "group"
        if not self.has_primary():
            return "group"  # Hydra itself tells that the primary config is not there
        return "append" if loaded is None or _is_global(loaded) else ""

    def _is_whole(self, path: str, loaded: Any) -> bool:
        """Return whether a config brings in the program's primary config; or, with no package, any that is one."""
        brought = [config for group, config in _defaults(path, loaded) if not group]
        primary = os.path.splitext(str(self.config_name))[0]
        return primary in brought or (not _is_global(loaded) and any("/" not in config for config in brought))

    def has_primary(self) -> bool:
        """Return whether the primary config that the program names can be loaded."""
        return self.config_name is not None and self._load(self.config_name) is not None

    def chosen_groups(self) -> Set[str]:
        """Return the groups that the defaults list of the primary config chooses from, at any depth."""
        return self._reached()[0]

    def _reached(self) -> Tuple[Set[str], Set[str]]:
        """Return the groups and the configs that the primary config brings in."""
        found: Set[str] = set()
        seen: Set[str] = set()
        waiting = [self.config_name] if self.config_name else []
        while waiting and len(seen) < _MOST:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            for group, config in _defaults(path, self._load(path)):
                found.update([group] if group else [])
                waiting.extend([config] if config else [])
        return found, seen

    def options(self, group: str, deeper: int = _DEEPEST) -> List[str]:
        """Return the configs of a group and of the groups in it, by their paths from it."""
        found = list(self._list(group, ObjectType.CONFIG))
        for below in self._list(group, ObjectType.GROUP) if deeper else []:
            found += ["%s/%s" % (below, name) for name in self.options("%s/%s" % (group, below), deeper - 1)]
        return sorted(set(found))[:_MOST]

    def groups(self) -> List[str]:
        """Return the program's top-level groups."""
        return sorted(set(self._list("", ObjectType.GROUP)) - {"hydra"})

    def global_groups(self) -> List[str]:
        """Return those that have an option for the root of the config, and none in the defaults list."""
        used = {config.partition("/")[0] for config in self._reached()[1] if "/" in config}
        return [
            group
            for group in self.groups()
            if group not in used
            and any(map(_is_global, map(self._load, ("%s/%s" % (group, name) for name in self.options(group)))))
        ]

    def primaries(self) -> List[str]:
        """Return the configs beside the primary config that are in no other one's defaults list."""
        names = [name for name in self._list("", ObjectType.CONFIG) if not self._is_ours(name)]
        used = {config for name in names for _, config in _defaults(name, self._load(name))}
        return [name for name in names if name not in used]

    def _is_ours(self, name: str) -> bool:
        loaded = self._load(name)
        return loaded is None or loaded.provider in ("hydra", "schema") or name.startswith("_")

    def _list(self, group: str, kind: ObjectType) -> List[str]:
        try:
            return list(self.repository.get_group_options(group, kind))
        except Exception:  # noqa: BLE001  (a source that cannot be listed has nothing to tell)
            return []

    def _load(self, path: str) -> Any:
        try:
            return self.repository.load_config(path)
        except Exception:  # noqa: BLE001  (composing it tells what is wrong with it)
            return None


def _with_search_path(loader: Any, config_name: Optional[str], call: Dict[str, Any]) -> Any:
    """Return Hydra's sources, with those that `hydra.searchpath` of the primary config adds where they are there."""
    try:
        overrides = list(call.get("overrides") or [])
        return loader._parse_overrides_and_create_caching_repo(config_name, overrides)[1]
    except Exception:  # noqa: BLE001  (Hydra itself tells, when it composes)
        return loader.repository


def _is_global(loaded: Any) -> bool:
    return loaded is not None and (loaded.header or {}).get("package") == "_global_"


def _defaults(path: str, loaded: Any) -> Iterator[Tuple[str, str]]:
    """Yield the entries of a defaults list, each a group ("" for none) and the path of a config ("" for none)."""
    for entry in (loaded.defaults_list or []) if loaded is not None else []:
        if entry.is_self() or entry.is_override():
            continue
        group, value = getattr(entry, "group", None), getattr(entry, "value", None)
        if group is None:
            yield "", _absolute(path, str(entry.path))
            continue
        place = _absolute(path, group)
        yield place, ""
        for name in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(name, str):
                yield "", "%s/%s" % (place, name)


def _absolute(path: str, word: str) -> str:
    """Return a path of a defaults list from the root of the search path; a relative one begins at its config."""
    place = word if word.startswith("/") else posixpath.join("/", posixpath.dirname(path), word)
    return os.path.splitext(posixpath.normpath(place).lstrip("/"))[0]


def facts(choosing: Choosing, order: Order) -> Dict[str, Any]:
    """Return what the program tells of its configs and of the experiment that is asked for."""
    groups = choosing.groups()
    return {
        "config_name": choosing.config_name,
        "has_primary": choosing.has_primary(),
        "uses_compose": choosing.uses_compose,
        "folders": _folders(choosing.repository),
        "select": choosing.way(order.group, order.experiment) if order.experiment else "",
        "groups": {group: choosing.options(group) for group in groups},
        "global_groups": [] if order.group in groups or order.experiment else choosing.global_groups(),
        "primaries": choosing.primaries(),
    }


def _folders(repository: Any) -> List[str]:
    """Return the directories of the program's own configs, those of its primary config first."""
    sources = [source for source in repository.get_sources() if source.provider != "experimentstash"]
    sources.sort(key=lambda source: source.provider != "main")
    folders = [source_folder(source.scheme(), _place(source)) for source in sources if source.provider != "hydra"]
    return [os.path.abspath(folder) for folder in folders if folder]


def _place(source: Any) -> str:
    return str(source.path).partition("://")[2] or str(source.path)


def ways(order: Order, loader: Any, call: Dict[str, Any]) -> Tuple[Optional[str], List[str]]:
    """Return the config name and the overrides with which a program that ignores its arguments meets an experiment.

    Raises:
        ValueError: nothing tells how it is chosen.
    """
    primary, own = call.get("config_name"), list(call.get("overrides") or [])
    more = [*order.frozen_with, *order.overrides]
    if not order.experiment:
        return primary, [*own, *more]
    way = Choosing(loader, call).way(order.group, order.experiment)
    if way == "primary":
        place = order.experiment if order.group == ROOT else "%s/%s" % (order.group, order.experiment)
        return place, [*own, *more]
    chosen = override("+" * (way == "append") + order.group, order.experiment)
    if not way or chosen is None:
        raise ValueError("experiment/%s does not say '# @package _global_'" % order.experiment)
    return primary, [*own, chosen, *more]
