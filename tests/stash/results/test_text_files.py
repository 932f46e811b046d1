"""JSON, JSON lines and CSV: which values are found, under which name, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import file_of, run_folder, series_of

from experimentstash.stash.results.csv_files import read_table
from experimentstash.stash.results.manifest import Series, Value
from experimentstash.stash.results.summary import Gatherer, Keep, UnreadableError, text_digest


def read(tmp_path: Path, name: str, text: str) -> dict[str, Series]:
    return series_of(run_folder(tmp_path, {name: text}), name)


def note(tmp_path: Path, name: str, data: bytes) -> str:
    (tmp_path / name).write_bytes(data)
    file = file_of(tmp_path, name)
    assert file.content is None
    return file.note


def values(series: dict[str, Series]) -> dict[str, tuple[Value, ...]]:
    return {name: part.values for name, part in series.items()}


def test_json_is_read_by_dotted_path(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "m.json",
        '{"acc": 0.5, "n": 3, "ok": true, "none": null, "opt": {"name": "adam", "lr": 1e-3}, "loss": [1, 0.5, NaN],'
        ' "runs": [{"a": 1}, {"a": 2, "b": -Infinity}], "m": [[1, 2, 3], [4, 5, 6]],'
        ' "a.b": {"*": 1}, "e": [], "d": {}}',
    )
    assert {name: (part.values, part.shape) for name, part in found.items()} == {
        "acc": ((0.5,), ""),
        "n": ((3,), ""),
        "ok": ((True,), ""),
        "none": ((None,), ""),
        "opt.name": ((text_digest("adam"),), ""),
        "opt.lr": ((0.001,), ""),
        "loss.*": ((1, 0.5, math.nan), "3"),
        "runs.*.a": ((1, 2), "2"),
        "runs.*.b": ((-math.inf,), found["runs.*.b"].shape),
        "m.*.*": ((1, 2, 3, 4, 5, 6), "2x3"),
        r"a\.b.\*": ((1,), ""),
        "e.*": ((), found["e.*"].shape),
        "d.{}": ((), found["d.{}"].shape),
    }
    assert found["runs.*.b"].shape.startswith("ragged ")


@pytest.mark.parametrize("text", ["1.5", "[1.5]", "[[1.5]]"])
def test_a_file_may_be_one_value_or_a_list(text: str, tmp_path: Path) -> None:
    ((name, series),) = read(tmp_path, "m.json", text).items()
    assert (name, series.values) == ({"1.5": "value", "[1.5]": "*", "[[1.5]]": "*.*"}[text], (1.5,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[[1, 2], [3]]", "[[1], [2, 3]]"),
        ("[1, [2]]", "[[2], 1]"),
        ("[[], [1]]", "[[1], []]"),
        ("{}", "[]"),
        ('"[]"', "[]"),
        ('["1"]', "[1]"),
        ("[true]", "[1]"),
        ("[null]", "[]"),
        ('{"a": {"b": 1}}', '{"a.b": 1}'),
    ],
)
def test_what_is_built_otherwise_reads_otherwise(one: str, other: str, tmp_path: Path) -> None:
    assert repr(read(tmp_path, "a.json", one)) != repr(read(tmp_path, "b.json", other))  # True == 1


def test_lines_of_json_are_read_as_one_table(tmp_path: Path) -> None:
    found = read(tmp_path, "log.jsonl", '{"step": 0, "loss": 1.5}\n\n{"step": 1, "loss": 1.25, "val": {"acc": 0.5}}\n')
    assert values(found) == {"loss": (1.5, 1.25), "step": (0, 1), "val.acc": (0.5,)}
    assert (found["loss"].shape, found["val.acc"].shape[:6]) == ("2", "ragged")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON: Expecting value"),
        (b"{", "no JSON: Expecting property name"),
        (b"\xff", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "a key that occurs twice"),
        (b"[" * 100_000, "no JSON"),
        (b"[" * 60 + b"]" * 60, "nested more than 50 levels deep"),
        (b"1" * 5000, "no JSON"),
        (b'{"\\u202e": 1}', "a key that is too long or holds control characters"),
        (b" " * (16 * 1024 * 1024 + 1), "larger than 16777216 bytes"),
    ],
)
def test_what_is_no_json_is_compared_by_its_bytes(data: bytes, why: str, tmp_path: Path) -> None:
    assert note(tmp_path, "m.json", data).startswith(why)


def test_an_integer_that_is_no_measurement_is_text(tmp_path: Path) -> None:
    number = 10**400
    assert values(read(tmp_path, "m.json", str(number))) == {"value": (text_digest(hex(number)),)}


def test_keys_beyond_the_256th_are_kept_as_one(tmp_path: Path) -> None:
    found = read(tmp_path, "m.json", json.dumps({f"k{n:04}": n for n in range(1000)}))
    assert len(found) == 257
    others = found["(744 other keys)"]
    assert (others.count, others.moments and others.moments.low, others.shape[:3]) == (744, 256, "of ")


def test_texts_are_kept_by_their_digest_only(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, {"m.json": '{"key": "8f1f-not-for-you"}', "t.csv": "who\nada\n"})
    text = repr(file_of(folder, "m.json")) + repr(file_of(folder, "t.csv"))
    assert "not-for-you" not in text
    assert "ada" not in text


TABLE = [["step", "loss", "label", "note"], ["0", "1.5", "a", ""], ["1", "nan", "b;c", "3"], ["2", "-inf", 'd,"e"', ""]]


@pytest.mark.parametrize(("separator", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.csv"), ("\t", "t.tsv")])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_whatever_separates_the_cells(separator: str, name: str, quoting: int, tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=quoting).writerows(TABLE)  # type: ignore[arg-type]
    found = read(tmp_path, name, "\ufeff" + text.getvalue())
    assert values(found) == {
        "step": (0, 1, 2),
        "loss": (1.5, math.nan, -math.inf),
        "label": tuple(map(text_digest, ("a", "b;c", 'd,"e"'))),
        "note": (None, 3, None),
    }
    assert {part.shape for part in found.values()} == {"3"}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("1,2\n3,4\n", {"column 1": (1, 3), "column 2": (2, 4)}),
        (",a\n0,1.5\n", {"column 1": (0,), "a": (1.5,)}),  # pandas, with its index
        ("a,a,b\n1,2,3\n", {"a": (1,), "a (2)": (2,), "b": (3,)}),
        ("a;b\n1,5;2,25\n3,5;1e3\n", {"a": (1.5, 3.5), "b": (2.25, 1000)}),  # a decimal comma
        ("x\n1\n2", {"x": (1, 2)}),
        ("x\r\n1\r\n\r\n2\r\n", {"x": (1, 2)}),
        ("a,b\n", {"a": (), "b": ()}),
        ("a\n1_000\n", {"a": (text_digest("1_000"),)}),
        ("a\n٣\n", {"a": (text_digest("٣"),)}),
        ("a\n1\nx\n", {"a": (1, text_digest("x"))}),
        (f"a\n{'1' * 65}\n", {"a": (text_digest("1" * 65),)}),
        ("a\n9007199254740993\n", {"a": (9007199254740993,)}),
    ],
)
def test_headers_and_cells(text: str, columns: dict[str, tuple[Value, ...]], tmp_path: Path) -> None:
    assert values(read(tmp_path, "t.csv", text)) == columns


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a table without a cell"),
        (b"\n\n", "a table without a cell"),
        (b"a,b\n1,2\n3\n", "row 2 has not the 2 cells of the first"),
        (b"a\n\xff\n", "not UTF-8"),
        (b'a\n"' + b"x" * 140_000 + b'"\n', "no CSV: field larger than field limit"),
        (b"a\x1b[2J,b\n1,2\n", "a column whose name is too long or holds control characters"),
        (b"x" * 400 + b"\ny\n", "a column whose name is too long or holds control characters"),
        (b"a,a,a (2)\n1,2,3\n", "columns that cannot be told apart"),
        (b"," * 100_000, "a table of 100001 columns"),
    ],
)
def test_what_is_no_table_is_compared_by_its_bytes(data: bytes, why: str, tmp_path: Path) -> None:
    assert note(tmp_path, "t.csv", data).startswith(why)


def test_a_table_beyond_the_limit_is_not_read() -> None:
    with pytest.raises(UnreadableError, match="larger than"):
        read_table(io.BytesIO(b"a\n1\n"), 1 << 40, Keep(), tabs=False)


def test_long_columns_are_kept_by_samples_moments_and_digests(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n % 7 / 8},l{n % 3},{n if n % 2 else ''}\n" for n in range(5000))
    found = read(tmp_path, "t.csv", "i,x,label,half\n" + rows)
    assert found["i"].values == tuple(range(0, 5000, 128))
    assert found["i"].moments is not None
    assert (found["i"].moments.of, found["i"].moments.mean) == (5000, 2499.5)
    assert (found["label"].values, len(found["label"].others)) == ((), 32)
    assert found["half"].moments is not None
    assert (found["half"].moments.of, bool(found["half"].others)) == (2500, True)


def test_columns_beyond_the_256th_are_kept_as_one(tmp_path: Path) -> None:
    text = ",".join(f"c{n}" for n in range(300)) + "\n" + ",".join(map(str, range(300))) + "\n"
    found = read(tmp_path, "t.csv", text)
    assert len(found) == 257
    assert found["(44 other columns)"].values == tuple(range(256, 300, 8))


@given(
    st.lists(
        st.one_of(st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=5), st.booleans(), st.none()),
        max_size=700,
    ),
    st.integers(4, 300),
    st.integers(1, 64),
)
def test_how_values_come_in_blocks_does_not_change_which_are_kept(values: list[Value], most: int, samples: int) -> None:
    keep = Keep(most, min(most, samples))
    whole, blocks = Gatherer(keep), Gatherer(keep)
    whole.add(values)
    for start in range(0, len(values), 37):
        blocks.add(values[start : start + 37])
    one, other = whole.series("x"), blocks.series("x")
    assert (one.values, one.count) == (other.values, other.count)
    step = keep.stride(len(values))
    if one.values:
        assert len(one.values) == len(values[::step])
