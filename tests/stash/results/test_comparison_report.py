"""The report, in a terminal, as JSON and as Markdown that shows what it says whatever a file is called."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from runs import checked, report, run_folder, within

from experimentstash.stash.results.comparison_report import FileResult, FileVerdict, Report, terminal
from experimentstash.stash.results.comparison_rules import Rules, Setting
from experimentstash.stash.results.markdown import code, escaped, markdown
from experimentstash.stash.results.tolerance import Gap

FILES = (
    FileResult(
        "m.json", FileVerdict.DIFFERENT, detail="acc: 0.91 is now 0.5", gap=Gap(0.41, math.inf), rests="all values"
    ),
    FileResult("gone.txt", FileVerdict.MISSING),
    FileResult("more.txt", FileVerdict.NEW),
    FileResult(
        "t_20261123.csv",
        FileVerdict.WITHIN,
        "t_20270301.csv",
        "a clock in its name",
        gap=Gap(1e-9, 2e-9),
        rests="all values",
        left_out=("fit_seconds",),
    ),
    FileResult("a.log", FileVerdict.LEFT_OUT, detail="*.log"),
    FileResult("p.png", FileVerdict.IDENTICAL),
)
REPORT = Report(
    FILES,
    ("rtol 1e-06 for all values",),
    ("last: a link, which is not followed",),
)


def test_the_terminal_shows_counts_and_what_is_not_identical() -> None:
    assert terminal(REPORT) == (
        "the results do not hold: 1 different, 1 missing, 1 new, 1 within tolerance, 1 left out, 1 identical\n"
        "  different: m.json\n"
        "      acc: 0.91 is now 0.5\n"
        "      largest difference 0.41, relative inf\n"
        "  missing: gone.txt\n"
        "  new: more.txt\n"
        "  within tolerance: t_20261123.csv → t_20270301.csv\n"
        "      largest difference 1e-09, relative 2e-09\n"
        "      rests on all values\n"
        "      paired: a clock in its name\n"
        "      left out: fit_seconds\n"
        "  not compared: last: a link, which is not followed"
    )


def test_a_long_report_is_cut_in_the_terminal_only() -> None:
    files = tuple(FileResult(f"{n:04}.txt", FileVerdict.MISSING) for n in range(3000))
    found = Report(files)
    lines = terminal(found).splitlines()
    assert lines[0] == "the results do not hold: 3,000 missing"
    assert lines[41] == "  and 2,960 more; --report FILE has them all"
    assert len(found.as_json()["files"]) == 3000  # type: ignore[arg-type]
    assert "\nand 2,000 more\n" in markdown(found, "x")


def test_nothing_that_a_stash_says_reaches_the_terminal_raw() -> None:
    wild = "a\x1b[2J\u202e.txt"
    found = Report((FileResult(wild, FileVerdict.DIFFERENT, wild, wild, wild, left_out=(wild,)),), (), (wild,))
    assert not re.search("[\x1b\u202e]", terminal(found) + markdown(found, wild))


def test_json_says_it_all() -> None:
    said = json.loads(json.dumps(REPORT.as_json(), allow_nan=False))
    assert said == {
        "holds": False,
        "verdict": "the results do not hold",
        "counts": {
            "different": 1,
            "missing": 1,
            "new": 1,
            "within tolerance": 1,
            "left out": 1,
            "identical": 1,
        },
        "tolerances": ["rtol 1e-06 for all values"],
        "files": [
            {
                "path": "m.json",
                "verdict": "different",
                "detail": "acc: 0.91 is now 0.5",
                "rests": "all values",
                "largest": {"absolute": 0.41, "relative": "inf"},
            },
            {"path": "gone.txt", "verdict": "missing"},
            {"path": "more.txt", "verdict": "new"},
            {
                "path": "t_20261123.csv",
                "verdict": "within tolerance",
                "now": "t_20270301.csv",
                "paired": "a clock in its name",
                "rests": "all values",
                "largest": {"absolute": 1e-9, "relative": 2e-9},
                "left_out": ["fit_seconds"],
            },
            {"path": "a.log", "verdict": "left out", "detail": "*.log"},
            {"path": "p.png", "verdict": "identical"},
        ],
        "notes": ["last: a link, which is not followed"],
    }


def test_markdown_begins_with_the_verdict() -> None:
    assert markdown(REPORT, "mytool/figure1").startswith(
        "## mytool/figure1\n\n**the results do not hold**\n\n"
        "| verdict | files |\n| --- | --- |\n| different | 1 |\n| missing | 1 |\n| new | 1 |\n"
        "| within tolerance | 1 |\n| left out | 1 |\n| identical | 1 |\n\n"
        "| file | verdict | largest difference | relative | rests on | what there is to tell |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `m.json` | different | 0.41 | inf | all values | acc: 0.91 is now 0.5 |\n"
    )


def shown(text: str) -> str:
    """Return the text that a reader of a rendered page sees."""
    tokens = [
        inner for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text) for inner in token.children or []
    ]
    assert {inner.type for inner in tokens} <= {"text", "text_special", "code_inline"}, tokens
    return "".join(inner.content for inner in tokens)


WILD = [
    "a|b",
    "a`b",
    "`",
    "a\\|b",
    "*x*",
    "_x_",
    "__init__.py",
    "<b>",
    "&lt;",
    "[a](b)",
    "![a](b)",
    "~~x~~",
    "$x$",
    "#1",
    "https://example.org",
    "www.example.org",
    ":smile:",
    "@ada",
    "a_b_c.csv",
    "x: y",
    "\\`|`\\",
]


@pytest.mark.parametrize("text", WILD)
def test_a_cell_shows_what_it_says(text: str) -> None:
    for cell in (escaped(text), code(text)):
        table = f"| x | y |\n| --- | --- |\n| {cell} | z |\n"
        assert shown(table) == f"xy{text}z"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12))
def test_any_name_is_shown_as_it_is(text: str) -> None:
    cells = [escaped(text), code(text)]
    rows = "".join(f"| {cell} | z |\n" for cell in cells)
    assert shown(f"| x | y |\n| --- | --- |\n{rows}") == "xy" + 2 * (text.strip() + "z")


def test_real_runs_are_told(tmp_path: Path) -> None:
    old = run_folder(tmp_path / "old", {"m.json": '{"acc": 1.0}', "p.png": "p"})
    new = run_folder(tmp_path / "new", {"m.json": '{"acc": 1.01}', "p.png": "p"})
    found = report(old, new, within(rtol=0.1))
    assert terminal(found).startswith("the results hold, within tolerance: 1 within tolerance, 1 identical\n")
    assert "Compared with: rtol 0.1 for all values; atol 0 for all values.\n" in markdown(found, "x")
    assert checked(old, old)["m.json"].verdict == FileVerdict.IDENTICAL
    assert terminal(report(old, old)) == "the results hold, bit by bit: 2 identical"


def test_a_tolerance_that_a_later_one_has_taken_the_place_of_is_not_told(tmp_path: Path) -> None:
    run = run_folder(tmp_path, {"m.json": "1"})
    narrow = (Setting("*.csv", rtol=0.2), Setting("m.json", "acc", 0.3), Setting("m.json", "acc", 0.1))
    assert report(run, run, Rules(settings=(Setting(rtol=0.5, atol=1), *narrow))).tolerances == (
        "rtol 0.5 for all values",
        "atol 1 for all values",
        "rtol 0.2 for all values in '*.csv'",
        "rtol 0.1 for 'acc' in 'm.json'",
    )
    over = Rules((), (("*", "time"), ("*", "time")), (*narrow, Setting(rtol=0.1)))
    assert report(run, run, over).tolerances == ("rtol 0.1 for all values", "'time' left out")
