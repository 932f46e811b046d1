"""ARCHITECTURE.md is true: it names every module and only those that are there, in the order in which they import."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "experimentstash"
INSIDE = PACKAGE / "hydra" / "inside" / "experimentstash_inside"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = PAGE.partition("## The rooms")[2].partition("\n## ")[0]
LISTED = re.findall(r"(?m)^\| `([\w/]+\.py|[\w/]+/)` \|", ROOMS)


def modules() -> set[str]:
    """Return the modules of the package by their paths; an `__init__.py` that only says what is in it is none."""
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    return {file for file in files if not file.endswith("__init__.py") or _holds_code(PACKAGE / file)}


def _holds_code(path: Path) -> bool:
    return re.search(r"(?m)^(import|from|def|class|[a-zA-Z]\w* =) ?", path.read_text(encoding="utf-8")) is not None


def in_folder(file: str) -> bool:
    return any(file.startswith(room) for room in LISTED if room.endswith("/"))


def test_every_module_is_named_once() -> None:
    named = [file for file in LISTED if file.endswith(".py")]
    assert sorted(named) == sorted(file for file in modules() if not in_folder(file))


def test_every_path_on_the_page_exists() -> None:
    # the command lines and the paths of a stash stand in fenced or indented blocks
    text = re.sub(r"(?ms)^```.*?^```|^    .*?$", "", PAGE)
    paths = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yaml|toml|md)|(?:[\w.-]+/)+)`", text)
    assert paths
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT, PACKAGE, INSIDE))]
    assert missing == []


def test_the_rooms_stand_in_the_order_of_the_import_layers() -> None:
    layers = _layers()
    place = {module: number for number, layer in enumerate(layers) for module in layer}
    tops = [re.split(r"[./]", file)[0] for file in LISTED]
    tops = [top for top in tops if top != "sample"]  # data: nothing imports it
    assert set(tops) == set(place)
    assert tops == sorted(tops, key=place.__getitem__)


def _layers() -> list[list[str]]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"(?ms)^layers = \[\n(.*?)^\]", text)
    assert found is not None
    return [re.findall(r"\w+", line.partition("#")[0]) for line in found[1].splitlines() if line.strip()]


def test_every_function_that_a_journey_names_exists() -> None:
    journeys = PAGE.partition("## The journeys")[2].partition("\n## ")[0]
    calls = re.findall(r"([\w/]+)\.(\w+)\(", journeys)
    assert calls
    for module, function in calls:
        files = [base / name for base in (PACKAGE, INSIDE) for name in (f"{module}.py", f"{module}/__init__.py")]
        source = "".join(file.read_text(encoding="utf-8") for file in files if file.exists())
        assert re.search(rf"(?m)^\s*(def|class) {function}\b", source), f"{module}.{function}"


def test_the_page_is_a_page() -> None:
    assert len(PAGE.splitlines()) < 230
