"""Adds the stash's experiments to the tool's own config group (`group` of the registry)."""

from __future__ import annotations

from typing import List, Optional

from experimentstash_inside import order as orders
from experimentstash_inside.sources import GROUP_SCHEME
from hydra._internal.core_plugins import file_config_source
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult

_NOWHERE = "experimentstash-has-no-such-group"


class ExperimentStashGroup(file_config_source.FileConfigSource):
    """The directory `configs/TOOL/experiment` of the stash under the name of another group."""

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self.group = orders.read().group

    @staticmethod
    def scheme() -> str:
        """Return the scheme of such a source in the search path."""
        return GROUP_SCHEME

    def _below(self, config_path: str) -> str:
        """Return the path of a config of the group in the directory."""
        place = config_path.strip("/")
        if place == self.group:
            return ""
        return place[len(self.group) + 1 :] if place.startswith(self.group + "/") else _NOWHERE

    def available(self) -> bool:
        """Return whether the directory exists."""
        return super().is_group("")

    def is_group(self, config_path: str) -> bool:
        """Return whether it contains a group."""
        return (not config_path.strip("/") or self._is_above(config_path)) or super().is_group(self._below(config_path))

    def _is_above(self, config_path: str) -> bool:
        return self.group.startswith(config_path.strip("/") + "/")

    def is_config(self, config_path: str) -> bool:
        """Return whether it contains a config."""
        return super().is_config(self._below(config_path))

    def load_config(self, config_path: str) -> ConfigResult:
        """Load a config."""
        return super().load_config(self._below(config_path))

    def list(self, config_path: str, results_filter: Optional[ObjectType]) -> List[str]:
        """List the content of a group."""
        above = config_path.strip("/")
        if above and not self._is_above(above):
            return super().list(self._below(above), results_filter)
        part = self.group[len(above) :].strip("/").partition("/")[0]
        return [part] if results_filter in (None, ObjectType.GROUP) else []
