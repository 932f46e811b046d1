"""Lists the files of code and configs that this process loaded: the parent checks that a commit contains them."""

from __future__ import annotations

import atexit
import functools
import json
import os
import sys
from typing import Any, Dict, List, Optional, Set

from hydra._internal.config_repository import ConfigRepository

_STARTED_IN = os.getcwd()  # a script's `__file__` may be relative to it, and Hydra may change it later
_STANDARD = os.path.dirname(os.path.realpath(os.__file__)) + os.sep
_SCRIPTS = os.path.realpath(os.path.dirname(sys.executable))  # the installer made them, no commit holds them
_INSTALLED = ("site-packages", "dist-packages")
_configs: Set[str] = set()


def watch(folder: str) -> None:
    """Note each config file that Hydra loads; with a directory, leave a report there when the process ends.

    Args:
        folder: the directory that takes the report of this process; empty for none.
    """
    load = ConfigRepository.load_config

    @functools.wraps(load)
    def load_config(self: Any, config_path: str) -> Any:
        found = load(self, config_path)
        _note(found, config_path)
        return found

    ConfigRepository.load_config = load_config  # type: ignore[method-assign]
    if folder:
        atexit.register(_report, folder)


def report() -> Dict[str, Any]:
    """Return the modules, each as its name and its file, and the config files, as absolute paths without links."""
    return {"modules": _modules(), "configs": sorted(_configs)}


def _report(folder: str) -> None:
    part = os.path.join(folder, "%d.part" % os.getpid())
    with open(part, "w", encoding="ascii") as file:
        json.dump(report(), file)
    os.replace(part, part[: -len("part")] + "json")


def _note(found: Optional[Any], config_path: str) -> None:
    """Note the file of a config that was found; a config of a ConfigStore has none."""
    scheme, _, place = str(getattr(found, "path", "")).partition("://")
    for folder in [place] if scheme == "file" else _folders(place) if scheme == "pkg" else []:
        for ending in ("", ".yaml"):
            file = os.path.join(folder, config_path.lstrip("/") + ending)
            if os.path.isfile(file):
                _configs.add(os.path.realpath(file))
                return


def _folders(package: str) -> List[str]:
    module = sys.modules.get(package)
    return [str(place) for place in getattr(module, "__path__", [])]


def _modules() -> List[List[str]]:
    """Return the loaded modules that are files, but for those of Python itself."""
    found = []
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):  # some packages put objects of their own there
            continue
        spec = getattr(module, "__spec__", None) if name == "__main__" else None
        path = _real(os.path.join(_STARTED_IN, file))
        if not _is_standard(path) and not (name == "__main__" and os.path.dirname(path) == _SCRIPTS):
            found.append([getattr(spec, "name", name), path])
    return found


def _real(path: str) -> str:
    """Return a path without links; each directory is looked at once."""
    folder, name = os.path.split(path)
    path = os.path.join(_real_folder(folder), name)
    return os.path.realpath(path) if os.path.islink(path) else path


@functools.lru_cache(maxsize=None)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _is_standard(path: str) -> bool:
    return path.startswith(_STANDARD) and not any(part in _INSTALLED for part in path.split(os.sep))
