"""ARCHITECTURE.md is true: its rooms and modules stand in the order of their imports, and tests mirror them."""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "experimentstash"
TESTS = ROOT / "tests"
INSIDE = PACKAGE / "hydra" / "inside" / "experimentstash_inside"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROWS = re.findall(r"(?m)^\| `(\w+)/` \| .* \| (.*) \|$", PAGE)
ACROSS = {"drift", "fixes", "proof"}
"""Directories of tests that follow no room: they play whole histories, and every fix."""


def parsed(text: str) -> list[str]:
    """Return the modules of a list such as "`a`, `b/` (`c`, `d`)" by their paths: a.py, b/c.py, b/d.py."""
    modules, stack, last = [], [""], ""
    for name, folder, bracket in re.findall(r"`(\w+)(/?)`|([()])", text):
        if bracket == "(":
            stack.append(f"{stack[-1]}{last}/")
        elif bracket == ")":
            stack.pop()
        elif not folder:
            modules.append(f"{stack[-1]}{name}.py")
        last = name
    return modules


def modules(room: str) -> set[str]:
    """Return the modules of a room by their paths below it, without what runs in other processes."""
    paths = {path.relative_to(PACKAGE / room) for path in (PACKAGE / room).rglob("*.py")}
    aside = {"inside", "sample"}
    return {path.as_posix() for path in paths if path.name != "__init__.py" and not aside & set(path.parts)}


def layers() -> dict[str, list[list[str]]]:
    """Return the layers of each container of the contracts."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.findall(r'(?ms)^containers = \["([\w.]+)"\]\n.*?^layers = \[\n(.*?)^\]', text)
    return {container: [re.findall(r"\w+", line) for line in rows.splitlines()] for container, rows in found}


def test_the_package_has_these_rooms_and_no_others() -> None:
    folders = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert sorted(folders) == sorted(room for room, _ in ROWS)
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == {"__init__.py", "__main__.py", "py.typed"}
    assert len(folders) <= 11


def test_the_rooms_are_listed_in_the_order_of_their_layers() -> None:
    place = {room: number for number, layer in enumerate(layers()["experimentstash"]) for room in layer}
    rooms = [room for room, _ in ROWS]
    assert {*rooms, "__main__"} == set(place)
    assert rooms == sorted(rooms, key=place.__getitem__)


def test_every_module_is_listed_once() -> None:
    for room, listed in ROWS:
        assert sorted(parsed(listed)) == sorted(modules(room)), room


def test_modules_are_listed_in_the_order_of_their_layers() -> None:
    for container, rows in layers().items():
        path = container.split(".")[1:]
        if len(path) != 1:
            continue
        place = {name: number for number, layer in enumerate(rows) for name in layer}
        heads = [re.split(r"[./]", module)[0] for module in parsed(dict(ROWS)[path[0]])]
        assert heads == sorted(heads, key=place.__getitem__), container


def test_the_modules_of_a_tools_process_are_listed_once() -> None:
    listed = re.search(r"(?s)process, from the top down:\n(.*?)\.\n", PAGE)
    assert listed is not None
    assert sorted(parsed(listed[1])) == sorted(path.name for path in INSIDE.glob("*.py") if path.name != "__init__.py")


def test_no_file_name_occurs_twice() -> None:
    names = Counter(Path(module).name for room, _ in ROWS for module in modules(room))
    assert [name for name, number in names.items() if number > 1] == []


def test_an_init_holds_no_code() -> None:
    for path in PACKAGE.rglob("*/__init__.py"):
        if "inside" not in path.parts and "sample" not in path.parts:
            with path.open("rb") as file:
                kinds = {token.type for token in tokenize.tokenize(file.readline)}
            assert tokenize.NAME not in kinds, path


def test_tests_mirror_the_rooms() -> None:
    """A directory of tests is one of the package; a test is named after a module, or a subject of its room."""
    for folder in {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}:
        assert (PACKAGE / folder).is_dir() or folder.parts[0] in ACROSS, folder
    homes = {Path(module).stem: (Path(room) / module).parent for room, _ in ROWS for module in modules(room)}
    for path in TESTS.rglob("test_*.py"):
        name = path.stem.removeprefix("test_")
        folder = path.parent.relative_to(TESTS)
        if name in homes and folder != Path():
            assert folder in (homes[name], *homes[name].parents), path


def test_every_path_on_the_page_exists() -> None:
    text = re.sub(r"(?m)^(    |\|).*$", "", PAGE)
    paths = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yaml|toml|md)|(?:[\w.-]+/)+)`", text)
    assert paths
    missing = [path for path in paths if not any((base / path).exists() for base in (ROOT, PACKAGE, INSIDE))]
    assert missing == []


def test_every_function_that_a_journey_names_exists() -> None:
    journeys = PAGE.partition("## The journeys")[2].partition("\n## ")[0]
    calls = re.findall(r"([\w/]+)\.(\w+)\(", journeys)
    assert calls
    for module, function in calls:
        source = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
        assert re.search(rf"(?m)^\s*(def|class) {function}\b", source), f"{module}.{function}"


def test_a_journey_has_at_most_seven_steps() -> None:
    journeys = re.split(r"(?m)^    (?=[a-z])", PAGE.partition("## The journeys")[2].partition("\nA freeze")[0])[1:]
    assert len(journeys) >= 6
    for journey in journeys:
        assert journey.count("→") < 7, journey


def test_the_page_is_a_page() -> None:
    assert len(PAGE.splitlines()) < 120


def test_no_class_name_occurs_twice() -> None:
    """One meaning, one name; a leading underscore makes no other name of it."""
    names = Counter(
        node.name.lstrip("_")
        for path in PACKAGE.rglob("*.py")
        if "sample" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, number in names.items() if number > 1] == []
