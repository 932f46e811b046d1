"""Prints an interpreter and its installed packages as JSON. Runs in a tool's Python: stdlib only, 3.8 too."""

import json
import os
import sys
import sysconfig
from typing import Any, Dict, List, Set


def _libc() -> str:
    if "musl" in str(sysconfig.get_config_var("SOABI")) + str(sysconfig.get_config_var("HOST_GNU_TYPE")):
        return "musl"
    try:
        return str(os.confstr("CS_GNU_LIBC_VERSION") or "")  # `platform.libc_ver` reads the whole interpreter
    except (AttributeError, ValueError, OSError):
        return ""


def interpreter() -> Dict[str, Any]:
    """Return what identifies this interpreter."""
    return {
        "version": sys.version.split()[0].rstrip("+"),
        "implementation": sys.implementation.name,
        "abi": str(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag),
        "platform": sysconfig.get_platform(),
        "libc": _libc(),
        "base": getattr(sys, "_base_executable", None) or sys.executable,
    }


def _direct_url(found: Any) -> Dict[str, Any]:
    try:
        url = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return url if isinstance(url, dict) else {}


def _is_shared(place: str) -> bool:
    """Return whether a directory belongs to installers, and is not a checkout."""
    return os.path.basename(place) in ("site-packages", "dist-packages")


def imported_files(folder: str) -> Set[str]:
    """Return the files of the modules that the processes of a run imported, as each process recorded them."""
    found: Set[str] = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found.update(map(os.path.realpath, json.load(file)))
    return found


def _is_imported(found: Any, place: str, files: Set[str]) -> bool:
    """Return whether a run imported a file of a distribution; plugins do not count, since Hydra imports them all."""
    record = found.read_text("RECORD")
    if record is None:  # `setup.py install`, or a system package
        tops = (found.read_text("top_level.txt") or "").split()
        roots = tuple(os.path.join(place, top) for top in tops)
        return any(file.startswith(roots) for file in files)
    names = (line.split(",")[0].strip('"') for line in record.splitlines())
    return any(os.path.join(place, name) in files for name in names if not name.startswith("hydra_plugins/"))


def _modules(found: Any) -> List[str]:
    """Return the top-level module names of a distribution."""
    names = (line.split(",")[0].split("/")[0] for line in (found.read_text("RECORD") or "").splitlines())
    tops = {name[: -len(".py")] if name.endswith(".py") else name for name in names}
    tops.update((found.read_text("top_level.txt") or "").split())
    return sorted(name for name in tops if name.isidentifier())


def _headers(found: Any) -> Any:
    """Return the headers of a distribution's metadata, without the long description."""
    from email.parser import HeaderParser

    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or found.read_text("") or ""
    return HeaderParser().parsestr(text.replace("\r\n", "\n").partition("\n\n")[0])


def distributions(files: Set[str]) -> List[Dict[str, Any]]:
    """Return each installed distribution once, as an import would find it.

    Args:
        files: the files of modules that a run imported.
    """
    from importlib import metadata  # 50 ms, and only this needs it

    seen: Dict[str, Dict[str, Any]] = {}
    for found in metadata.distributions():
        said = _headers(found)
        name, version = said["Name"], said["Version"]
        if name and version and name.lower().replace("_", "-") not in seen:
            place = os.path.realpath(str(found.locate_file("")))
            seen[name.lower().replace("_", "-")] = {
                "name": name,
                "version": version,
                "url": _direct_url(found),
                "folder": "" if _is_shared(place) else place,
                "imported": bool(files) and _is_imported(found, place, files),
                "requires": said.get_all("Requires-Dist") or [],
                "modules": found,
            }
    beside_ours = "experimentstash" in seen
    for item in seen.values():  # which reads all of their lists of files
        item["modules"] = _modules(item["modules"]) if beside_ours else []
    return list(seen.values())


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if place != here]  # Python adds it, unless isolated
    said = interpreter()
    if "--all" in sys.argv:
        said["distributions"] = distributions(set().union(*map(imported_files, sys.argv[2:])))
    # a `.pth` file of the environment may print before this line
    sys.stdout.write("\n" + json.dumps(said) + "\n")
