"""Hostile files through every door: each is told by its place, and none keeps another from being judged."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran, git
from hostile import blob, check, entry, freeze, refused, refused_by_all
from hypothesis import given, settings
from hypothesis import strategies as st
from stashes import make_stash, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.core.errors import Problem, StashError
from experimentstash.core.names import SnapshotName
from experimentstash.stash.snapshot_file import header_problems, parse
from experimentstash.verify.flat import flat_problems

ONE = pin_id("one")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_stash(tmp_path / "stash")


def good(body: str = "lr: 0.1\n", more: str = "", experiment: str = "a") -> str:
    return snapshot_text(experiment, "v1", ONE, body=body, more=more)


def lines(pattern: str, count: int) -> str:
    return "".join(pattern.format(number) for number in range(count))


# numbers of one hash: a set of them would take for ever, and as keys they are like others
CHOSEN = "".join(f"{number * (2**61 - 1)}: 1\n" for number in range(50_000))
Text = bytes | str | Callable[[], bytes | str]  # a large one is made when it is needed
SMALL: dict[str, tuple[bytes | str, str]] = {
    "bomb": (good("a: &a [x]\n" + lines("b{0}: &a [*a, *a]\n", 40)), ":6: flat: an anchor, 'a'; write the value"),
    "itself": (good("a: &a [*a]\n"), ":6: flat: an anchor, 'a'"),
    "merge": (good("a: {b: 1}\n<<: {c: 1}\n"), ":7: flat: a merge key"),
    "language": (good("a: !!python/object/apply:os.system [ls]\n"), ":6: flat: the tag '!!python/object/apply:os"),
    "class": (good("a: !!python/name:os.system ''\n"), ":6: flat: the tag '!!python/name:os.system'"),
    "sequence": (good("a: '\x1b[2J'\n"), ":6: flat: no YAML, column 5: a control character"),
    "escaped": (good('"\\e[2J": "${\\e]0;x\\a\\u202e}"\n'), ":6: flat: an interpolation: '${\\x1b]0;x\\x07\\u202e}'"),
    "zero": (good("a: \0\n"), ":6: flat: no YAML, column 4: a control character"),
    "bytes": (b"# SNAPSHOT: mytool/bytes\n\xff\n", ": header: not UTF-8 (byte 25)"),
    "wide": (good().encode("utf-16"), ": header: not UTF-8 (byte 0)"),
    "nothing": ("", ": header: no TOOL_COMMIT line"),
    "endless": ("# A: b\n" * 30_000, ": header: the header does not end"),
    "blank": ("\n" * 300_000, ": flat: there is no body"),
    "remark": ("#" + "x" * 5_000_000 + "\n" + good(), ": header: the header does not end"),
    "depends": (good(more=f"# DEPENDS: x {ONE}\n" * 19_000), ": header: more than 100 DEPENDS lines"),
    "late": (good(more=lines("# LATE: k{0}=1\n", 19_000)), ": flat: LATE names 'k0', and the body has no ??? there"),
    "title": (good().replace("mytool/a", "\x1b[2J" * 100_000), ": header: SNAPSHOT says '\\x1b[2J\\x1b[2J"),
    "commit": (good().replace(ONE, "g" * 3_000_000), ": header: TOOL_COMMIT 'gggggggg"),
    "stamp": (good().replace("2026", "2" * 3_000_000), ": header: TIMESTAMP '2222222"),
    "deep": (good("a: " + "[" * 20_000), ":6: flat: nested more than 500 levels deep"),
    "stairs": (good("".join(f"{' ' * n}a:\n" for n in range(2000))), ":506: flat: nested more than 500 levels deep"),
    "documents": (good("--- {}\n" * 100_000), ":7: flat: a second YAML document"),
    "directives": (good("%YAML 1.1\n" * 100_000), ":7: flat: no YAML"),
    "flow": (good("{" + "k: 1, " * 10_000 + "}\n"), ":6: flat: the key 'k' occurs twice"),
    "digits": (good("a: " + "9" * 3_000_000 + "\n"), ":6: flat: a value that cannot be read as '!!int'"),
    "hexadecimal": (good("? 0x" + "f" * 4200 + "\n: 1\n"), ":6: flat: a key that cannot be read as '!!int'"),
    "sixty": (good("a: 1" + ":00" * 500_000 + "\n"), ":6: flat: a value that cannot be read as '!!int'"),
    "anchors": (good(lines("a{0}: &x{0} 1\n", 10_000)), ":6: flat: an anchor, 'x0'"),
    "lists": (good("? [a, b]\n: 1\n" * 10_000), ":6: flat: a key that is a list or a mapping"),
    "tabs": (good(lines("k{0}:\t1\n", 20_000)), ":6: flat: no YAML, column 4: found character '\\t'"),
    "chosen": (good(CHOSEN + "a: ${b}\n"), ":50006: flat: an interpolation: '${b}'"),
}
LARGE: dict[str, tuple[Text, str]] = {
    "huge": (lambda: b"a" * 100_000_000, ": header: 100000000 bytes, of at most 52428800"),
    "keys": (
        lambda: good(lines("k{0}: 1\n", 260_000)),
        ":250004: flat: more than 500000 values, too many for a config",
    ),
    "text": (lambda: good("a: '" + "x" * 20_000_000 + "${b}'\n"), ":6: flat: an interpolation: 'xxxxxxxxxx"),
}
STAMPED = ("title", "commit", "stamp")  # a header that is wrong is not mended by `freeze-snapshots`, but judged


OF_EACH_KIND = {name: SMALL[name] for name in ("bomb", "language", "sequence", "bytes", "endless", "deep", "digits")}


def test_hostile_files(root: Path) -> None:
    for name, (data, _) in SMALL.items():
        entry(root, snapshot_path(name, "v1"), blob(root, data))
    refused(check(root), *(f"{snapshot_path(name, 'v1')}{said}" for name, (_, said) in SMALL.items()))


@pytest.mark.every
def test_hostile_files_are_not_frozen(root: Path) -> None:
    for name, (data, _) in SMALL.items():
        entry(root, snapshot_path(name, "v1"), blob(root, data))
    refused(freeze(root), *(f"experimentstash: {snapshot_path(name, 'v1')}: " for name in SMALL if name not in STAMPED))


@pytest.mark.first(1)
@pytest.mark.parametrize("files", [OF_EACH_KIND, LARGE, SMALL], ids=["kinds", "large", "small"])
def test_hostile_files_through_every_door(root: Path, files: dict[str, tuple[Text, str]]) -> None:
    for name, (data, _) in files.items():
        entry(root, snapshot_path(name, "v1"), blob(root, data() if callable(data) else data))
    for told in refused_by_all(root, *(f"{snapshot_path(name, 'v1')}{said}" for name, (_, said) in files.items())):
        assert len(told) < 300_000  # a message repeats no file


def test_ten_thousand_keys_in_a_line_are_no_crime(root: Path) -> None:
    stage(root, {snapshot_path("a", "v1"): good("{" + ", ".join(f"k{n}: 1" for n in range(10_000)) + "}\n")})
    assert check(root) == Ran(0, "", "")


@pytest.mark.every
def test_no_end_of_findings(root: Path) -> None:
    """A thousand are told, and how many more there are."""
    raw = blob(root, "a: ${b}\n")
    listed = "".join(f"100644 {raw}\t{snapshot_path('a', f'v{n}')}\n" for n in range(2000))
    git("update-index", "--index-info", cwd=root, stdin=listed)
    for told in refused_by_all(root, "and 7,000 more"):
        assert told.count("    fix: ") == 1000


CHARS = [bytes([char]) for char in b"\0\t\n\r :-#&*!|>'\"%@`{}[],?\\$~<=\xff"]
PIECES = [*CHARS, b"${a}", b"???", b"<<: ", b"---\n", b"\xe2\x80\xa8", b"\x1b["]
BODY = "a: {b: [1, 'x', ???]}\nc: |\n  text\nd: 1e-3\n"


@pytest.mark.parametrize("seed", range(2))
def test_snapshots_with_random_damage(root: Path, seed: int) -> None:
    """Whatever is wrong with 300 files, each finding is one of a file, and nothing else is said."""
    chance = random.Random(seed)
    folder = (root / snapshot_path("a", "v1")).parent
    folder.mkdir(parents=True)
    for number in range(300):
        data = bytearray(good(BODY, "# LATE: a.b.2=x\n", f"s{number}").encode())
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.choice(PIECES)
        (folder / f"s{number}.yaml").write_bytes(data)
    git("add", "--", "configs", cwd=root)
    ran = check(root)
    refused(ran)
    found = [line for line in ran.err.splitlines() if not line.startswith("    ")]
    assert len({line.partition(".yaml")[0] for line in found}) > 100
    assert all(re.match(r"configs/mytool/snapshots/v1/s\d+\.yaml(:\d+)?: (flat|header|pin): ", line) for line in found)


TOKENS = [
    "# DEPENDS: ",
    "&a ",
    "*a",
    "!!int ",
    "? ",
    "\x1b",
    "\u202e",
    "0x",
    "1:2",
    ".nan",
    "- ",
    "'",
    '"',
    "\r",
    "\t",
    "{",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*good(BODY).splitlines(keepends=True), *TOKENS]) | st.text(max_size=5), max_size=25))
def test_every_text_is_judged(pieces: list[str]) -> None:
    name = SnapshotName("mytool", "v1", "a")
    for problem in judged("".join(pieces).encode("utf-8", "surrogatepass"), name):
        assert str(problem).replace("\n    fix: ", "").isprintable()


def judged(data: bytes, name: SnapshotName) -> list[Problem]:
    try:
        parsed = parse(data, name.path)
    except StashError:
        return []
    return [*header_problems(parsed, name), *flat_problems(parsed, name)]
