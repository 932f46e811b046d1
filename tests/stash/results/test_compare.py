"""Two runs compared: identical, within tolerance, different, missing, new and left out."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import ANY, checked, numpy, recorded, report, run_folder, within

from experimentstash.stash.results.compare import compare
from experimentstash.stash.results.comparison_report import FileResult, FileVerdict, Report
from experimentstash.stash.results.comparison_rules import EXACT, Rules, Setting, Tolerance
from experimentstash.stash.results.manifest import Manifest, render
from experimentstash.stash.results.summary import Keep, gathered
from experimentstash.stash.results.tolerance import Gap, compare_series, near


def one(tmp_path: Path, name: str, old: str, new: str, rules: Rules = ANY) -> FileResult:
    """Compare one text file of two runs."""
    (found,) = checked(
        run_folder(tmp_path / "old", {name: old}), run_folder(tmp_path / "new", {name: new}), rules
    ).values()
    return found


def arrays(tmp_path: Path, old: Any, new: Any, rules: Rules = ANY) -> FileResult:
    """Compare one array of two runs."""
    for name, array in (("old", old), ("new", new)):
        (tmp_path / name).mkdir(exist_ok=True)
        numpy.save(tmp_path / name / "x.npy", array)
    (found,) = checked(tmp_path / "old", tmp_path / "new", rules).values()
    return found


def test_each_file_gets_its_verdict(tmp_path: Path) -> None:
    old = run_folder(
        tmp_path / "old",
        {"same.png": "x", "m.json": '{"a": 1.0}', "d.json": '{"a": 1}', "gone.txt": "", "out/plot.svg": "1"},
    )
    new = run_folder(
        tmp_path / "new",
        {"same.png": "x", "m.json": '{"a": 1.0000001}', "d.json": '{"a": 2}', "more.txt": "", "out/plot.svg": "2"},
    )
    rules = Rules(ignore=("out/",), settings=(Setting(rtol=1e-6),))
    recorded_without_rules = recorded(old)
    found = compare(recorded_without_rules, recorded(new, rules), rules)
    assert [(file.path, file.verdict.value) for file in found.files] == [
        ("d.json", "different"),
        ("gone.txt", "missing"),
        ("more.txt", "new"),
        ("m.json", "within tolerance"),
        ("out/plot.svg", "left out"),
        ("same.png", "identical"),
    ]
    assert (found.holds, found.exit_code, found.verdict) == (False, 1, "the results do not hold")


@pytest.mark.parametrize(
    ("files", "new", "rules", "verdict"),
    [
        ({"a.txt": "1"}, {"a.txt": "1"}, ANY, "the results hold, bit by bit"),
        ({"a.json": "1"}, {"a.json": "1.0"}, ANY, "the results hold, within tolerance"),
        ({"a.json": "1"}, {"a.json": "2"}, ANY, "the results do not hold"),
        ({"a.txt": "1"}, {}, ANY, "the results do not hold"),
        ({}, {"a.txt": "1"}, ANY, "the results do not hold"),
        ({}, {}, ANY, "nothing was compared: no results were recorded, and none are there"),
        ({"a.txt": "1"}, {"a.txt": "2"}, Rules(ignore=("a.txt",)), "nothing was compared: no results were recorded"),
    ],
)
def test_the_whole_holds_only_if_all_hold(
    files: dict[str, str], new: dict[str, str], rules: Rules, verdict: str, tmp_path: Path
) -> None:
    found = report(run_folder(tmp_path / "old", files), run_folder(tmp_path / "new", new), rules)
    assert found.verdict.startswith(verdict)
    assert found.exit_code == (1 if "do not" in verdict else 0)


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ('{"a": 0.5}', '{"a": 0.6}', "a: 0.5 is now 0.6"),
        ('{"a": [1, 2]}', '{"a": [1, 3]}', "a.*[1]: 2 is now 3"),
        ('{"a": [1, 2]}', '{"a": [1, 2, 3]}', "a.*: shape 2 is now 3"),
        ('{"a": 1, "b": 2}', '{"a": 1}', "b: missing"),
        ('{"a": 1}', '{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}', "b, c, d and 1 more: new"),
        ('{"a": "x"}', '{"a": "y"}', "a: its text is another"),
        ('{"a": 1}', '{"a": true}', "a: 1 is now true"),
        ('{"a": 1}', '{"a": "1"}', "a: 1 is now a text"),
        ('{"a": null}', '{"a": NaN}', "a: nothing is now nan"),
        ('{"a": Infinity}', '{"a": 1e308}', "a: inf is now 1e+308"),
        ('{"a": 1}', "nope", "other bytes (8 bytes are now 4); now no JSON: Expecting value: line 1 column 1"),
    ],
)
def test_the_first_difference_is_told(old: str, new: str, detail: str, tmp_path: Path) -> None:
    found = one(tmp_path, "m.json", old, new, within(rtol=1e-3))
    assert found.verdict == FileVerdict.DIFFERENT
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"a": 1, "b": 2.50}', '{ "b": 2.5, "a": 1.0 }'),
        ("[NaN, -0.0]", "[NaN,0.0]"),
        ('{"a": "x", "b": [true, null]}', '{"b": [true, null], "a": "\\u0078"}'),
    ],
)
def test_the_same_values_in_other_bytes_hold_and_are_not_called_identical(old: str, new: str, tmp_path: Path) -> None:
    found = one(tmp_path, "m.json", old, new)
    assert (found.verdict, found.detail) == (FileVerdict.WITHIN, "the same values in other bytes")
    assert (found.rests, found.gap) == ("all values", Gap())


@pytest.mark.parametrize(
    ("name", "old", "new", "detail"),
    [
        ("p.png", "ab", "ac", "other bytes (2 bytes)"),
        ("p.png", "ab", "abc", "other bytes (2 bytes are now 3)"),
        ("m.json", "{", "1", "other bytes (1 bytes); no JSON: Expecting property name"),
        ("t.csv", "a\n", "", "other bytes (2 bytes are now 0); now a table without a cell: compared by its bytes"),
    ],
)
def test_what_has_no_values_is_compared_by_its_bytes(
    name: str, old: str, new: str, detail: str, tmp_path: Path
) -> None:
    found = one(tmp_path, name, old, new, within(1, 1))
    assert (found.verdict, found.rests) == (FileVerdict.DIFFERENT, "")
    assert found.detail.startswith(detail)


def test_special_numbers_are_counted_and_sums_may_be_too_large(tmp_path: Path) -> None:
    array = numpy.full(1000, 1e308)
    array[1:5] = numpy.nan, numpy.inf, -numpy.inf, numpy.inf
    other = array.copy()
    other[5] = 1.1e308
    assert arrays(tmp_path, array, other, within(rtol=0.2)).verdict == FileVerdict.WITHIN
    other[3] = numpy.inf
    assert arrays(tmp_path, array, other, within(rtol=0.2)).detail == "value: 2 values inf are now 3"


def test_the_largest_differences_are_told(tmp_path: Path) -> None:
    found = one(tmp_path, "m.json", "[100, 1, 0.001]", "[100.5, 1, 0.0011]", within(rtol=0.2))
    assert found.gap is not None
    assert (found.gap.absolute, round(found.gap.relative, 9)) == (0.5, 0.1)
    assert one(tmp_path, "m.json", "[0]", "[1e-9]", within(atol=1e-6)).gap == Gap(1e-9, math.inf)


@pytest.mark.parametrize(
    ("old", "new", "tolerance", "holds"),
    [
        (1.0, 1.1, Tolerance(rtol=0.1001), True),
        (1.0, 1.1, Tolerance(rtol=0.0999), False),
        (0.0, 1e-9, Tolerance(rtol=1.0), False),
        (0.0, 1e-9, Tolerance(atol=1e-8), True),
        (-2, -2.1, Tolerance(0.04, 0.03), True),
        (math.nan, math.nan, EXACT, True),
        (math.nan, 1.0, Tolerance(atol=math.inf), False),
        (math.inf, math.inf, EXACT, True),
        (math.inf, -math.inf, Tolerance(1, 1), False),
        (math.inf, 1e300, Tolerance(1, 1), False),
        (True, 1, Tolerance(1, 1), False),
        (10**300, 10**300 + 1, EXACT, False),
        (10**300, 10**300 + 1, Tolerance(rtol=1e-9), True),
        (1e308, -1e308, Tolerance(rtol=1), False),
        (5e-324, 1e308, Tolerance(rtol=1), False),
        ("aa", "aa", EXACT, True),
        ("aa", "ab", Tolerance(1, 1), False),
        (None, None, EXACT, True),
        (None, 0, Tolerance(1, 1), False),
    ],
)
def test_how_near_is_near_enough(old: Any, new: Any, tolerance: Tolerance, holds: bool) -> None:
    assert near(old, new, tolerance) is holds


@given(st.floats(), st.floats(), st.floats(0, 1), st.floats(0, 1))
def test_near_enough_is_what_numpy_calls_close(old: float, new: float, rtol: float, atol: float) -> None:
    with numpy.errstate(all="ignore"):
        close = bool(numpy.isclose(new, old, rtol=rtol, atol=atol, equal_nan=True))
    assert near(old, new, Tolerance(rtol, atol)) is close


def test_a_table_is_compared_by_column(tmp_path: Path) -> None:
    old, new = "x,y,label\n1,2,a\n3,4,b\n", "x,y,label\n1,2.00001,a\n3,4,b\n"
    assert one(tmp_path, "t.csv", old, new).detail == "y[0]: 2 is now 2.00001"
    assert one(tmp_path, "t.csv", old, new, within(rtol=1e-4)).verdict == FileVerdict.WITHIN
    for rules, holds in (
        (Rules(settings=(Setting(key="y", rtol=1e-4),)), True),
        (Rules(settings=(Setting(key="x", rtol=1e-4),)), False),
        (Rules(settings=(Setting("*.csv", "Y", rtol=1e-4),)), True),
        (Rules(settings=(Setting("*.json", "y", rtol=1e-4),)), False),
        (Rules(settings=(Setting(rtol=1e-4), Setting(key="y", rtol=0.0))), False),
        (Rules(ignore_keys=(("*", "y"),)), True),
        (Rules(ignore_keys=(("*.json", "y"),)), False),
    ):
        assert one(tmp_path, "t.csv", old, new, rules).verdict.holds is holds
    assert one(tmp_path, "t.csv", old, "y,x,label\n2,1,a\n4,3,b\n").detail == "its columns stand in another order"
    assert one(tmp_path, "t.csv", old, old.replace("4,b", "4,c")).detail == "label[1]: its text is another"
    assert one(tmp_path, "t.csv", old, old + "5,6,c\n").detail == "x: shape 2 is now 3"
    assert one(tmp_path, "t.csv", old, old.replace(",", ";")).detail == "the same values in other bytes"


def test_what_measures_time_is_left_out_by_name(tmp_path: Path) -> None:
    old = '{"acc": 0.5, "fit_seconds": 1.5, "time": {"load": 1, "all": [1, 2]}}'
    new = '{"acc": 0.5, "fit_seconds": 2.5, "time": {"load": 2, "all": [1]}}'
    found = one(tmp_path, "m.json", old, new, Rules(ignore_keys=(("*", "*_seconds"), ("*", "time"))))
    assert found.verdict == FileVerdict.WITHIN
    assert found.left_out == ("fit_seconds", "time.all.*", "time.load")


def test_a_type_or_a_shape_that_changed_is_a_difference(tmp_path: Path) -> None:
    array = numpy.arange(6.0)
    loose = within(1, 1)
    assert arrays(tmp_path, array, array.astype("f4"), loose).detail == "value: type <f8 is now <f4"
    assert arrays(tmp_path, array, array.astype(">f8"), loose).detail == "value: type <f8 is now >f8"
    assert arrays(tmp_path, array, array.reshape(2, 3), loose).detail == "value: shape 6 is now 2x3"
    assert arrays(tmp_path, array > 2, array > 3, loose).detail == "value[3]: 1 is now 0"


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_within_tolerance_says_what_that_rests_on(order: str, tmp_path: Path) -> None:
    array = numpy.random.default_rng(0).normal(size=(100, 100)).copy(order=order)
    found = arrays(tmp_path, array, array * (1 + 1e-9), within(rtol=1e-6))
    assert found.verdict == FileVerdict.WITHIN
    assert found.rests == "40 of 10,000 values, and the moments of all"
    assert arrays(tmp_path, array, array * (1 + 1e-5), within(rtol=1e-6)).verdict == FileVerdict.DIFFERENT


def test_one_value_that_was_not_kept_is_seen_where_nothing_may_differ(tmp_path: Path) -> None:
    array = numpy.random.default_rng(0).normal(size=10_000)
    other = array.copy()
    other[4242] = numpy.nextafter(other[4242], 9)
    found = arrays(tmp_path, array, other)
    assert (found.verdict, found.detail) == (
        FileVerdict.DIFFERENT,
        "value: values that were not kept one by one are others",
    )
    other[4242] += 100
    found = arrays(tmp_path, array, other, within(rtol=1e-6))
    assert found.verdict == FileVerdict.DIFFERENT
    assert found.detail.startswith("value: greatest value")


def test_an_archive_packed_otherwise_holds_the_same_values(tmp_path: Path) -> None:
    values = numpy.random.default_rng(0).normal(size=(200, 30))
    for name, save in (("old", numpy.savez), ("new", numpy.savez_compressed)):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "x.npz", values=values, labels=numpy.array(["a", "b"]))
    (found,) = checked(tmp_path / "old", tmp_path / "new").values()
    assert (found.verdict, found.detail, found.rests) == (
        FileVerdict.WITHIN,
        "the same values in other bytes",
        "all values",
    )


def test_the_order_of_the_indices_in_a_file_is_no_difference(tmp_path: Path) -> None:
    array = numpy.random.default_rng(0).normal(size=(30, 40))
    found = arrays(tmp_path, array, numpy.asfortranarray(array))
    assert (found.verdict, found.rests) == (FileVerdict.WITHIN, "38 of 1,200 values, and the moments of all")


def test_long_columns_rest_on_their_samples(tmp_path: Path) -> None:
    def table(off: float) -> str:
        return "i,x,label\n" + "".join(f"{n},{n / 7 + off},l{n}\n" for n in range(2000))

    found = one(tmp_path, "t.csv", table(0), table(1e-9), within(atol=1e-6))
    assert (found.verdict, found.rests) == (FileVerdict.WITHIN, "4,063 of 6,000 values, and the moments of all")
    assert one(tmp_path, "t.csv", table(0), table(1e-9)).verdict == FileVerdict.DIFFERENT
    swapped = table(0).replace("l77\n", "l78\n")
    assert (
        one(tmp_path, "t.csv", table(0), swapped, within(1, 1)).detail == "label: its texts or empty cells are others"
    )


def test_a_key_left_out_that_comes_and_goes_changes_no_other(tmp_path: Path) -> None:
    """How many values are kept follows the recorded file, also where the new one has more keys."""
    curves = {f"c{n}": [n / 7 + m / 3 for m in range(200)] for n in range(40)}
    times = {f"time_{n}": n for n in range(200)}
    old, new = json.dumps(curves), json.dumps({**curves, **times}, indent=1)
    found = one(tmp_path, "m.json", old, new, Rules(ignore_keys=(("*", "time_*"),)))
    assert found.verdict == FileVerdict.WITHIN
    assert len(found.left_out) == 200


def test_stamped_files_are_compared_with_their_partners(tmp_path: Path) -> None:
    """As latent-reasoning-works/manylatents names them."""
    name = "embeddings_swissroll_{}.csv"
    old = run_folder(tmp_path / "old", {name.format("20261123_020410"): "x,y\n1,2\n", "p_20261123_020411.png": "p"})
    new = run_folder(tmp_path / "new", {name.format("20270301_120000"): "x,y\n1,2.1\n", "p_20270301_120001.png": "p"})
    found = checked(old, new, within(rtol=0.1))
    table, picture = found[name.format("20261123_020410")], found["p_20261123_020411.png"]
    assert (table.verdict, table.now, table.paired) == (
        FileVerdict.WITHIN,
        name.format("20270301_120000"),
        "a clock in its name",
    )
    assert (picture.verdict, picture.now) == (FileVerdict.IDENTICAL, "p_20270301_120001.png")


def test_late_values_in_names_and_texts_are_no_difference(tmp_path: Path) -> None:
    runs = [tmp_path / "ada/run", tmp_path / "b/run"]
    for folder, host in zip(runs, ("ada7", "bob9"), strict=True):
        run_folder(folder, {f"host-{host}.json": json.dumps({"out": str(folder), "host": host})})
    (found,) = checked(runs[0], runs[1], late=(("ada7", "bob9"),)).values()
    assert (found.verdict, found.now, found.paired) == (
        FileVerdict.WITHIN,
        "host-bob9.json",
        "a late value in its name",
    )
    assert found.detail == "the same values in other bytes"


def test_files_of_the_same_bytes_are_not_read_for_values(tmp_path: Path) -> None:
    old = run_folder(tmp_path / "old", {"a.json": "1", "b.json": "1"})
    manifest = recorded(old)
    asked = []

    def read(file: Any, partner: Any) -> Any:
        asked.append((file.path, partner.path))
        return file

    changed = Manifest((manifest.files[0], manifest.files[1].__class__("b.json", 1, "0" * 64)))
    found = compare(manifest, changed, ANY, read=read)
    assert asked == [("b.json", "b.json")]
    assert [file.verdict for file in found.files] == [FileVerdict.DIFFERENT, FileVerdict.IDENTICAL]


def test_a_run_compared_with_itself_elsewhere_is_identical(tmp_path: Path) -> None:
    rng = numpy.random.default_rng(0)
    old = run_folder(tmp_path / "old", {"0/m.json": "[1]", "1/t.csv": "a\n1\n", "x.png": "x"})
    numpy.save(old / "x.npy", rng.normal(size=1000))
    shutil.copytree(old, tmp_path / "new")
    found = report(old, tmp_path / "new")
    assert found.counts == {FileVerdict.IDENTICAL: 4}
    assert isinstance(found, Report)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=9, max_size=60),
    st.floats(1e-9, 0.5),
    st.floats(1e-9, 1.0),
    st.randoms(use_true_random=False),
)
def test_moments_never_tell_a_difference_that_the_tolerance_allows(
    values: list[float], rtol: float, atol: float, chance: Any
) -> None:
    moved = [value + chance.uniform(-0.999, 0.999) * (atol + rtol * abs(value)) for value in values]
    old, new = (gathered("x", numbers, "", Keep(4, 2)) for numbers in (values, moved))
    assert not old.complete
    assert compare_series(old, new, Tolerance(rtol, atol)).wrong == ""


SAVED = "seed: 1\nsave_dir: {folder}/checkpoints\n"


def test_a_text_that_says_where_it_lies_is_compared_without_that(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("old", "much-longer", "other"))
    run_folder(old, {"config.yaml": SAVED.format(folder=old), "plain.txt": "a\n", "gone.md": f"in {old}\n"})
    run_folder(new, {"config.yaml": SAVED.format(folder=new), "plain.txt": "b\n", "gone.md": "elsewhere\n"})
    kept = {file.path: file.content is not None for file in recorded(old).files}
    assert kept == {"config.yaml": True, "gone.md": True, "plain.txt": False}
    assert str(old) not in render(recorded(old))

    found = checked(old, new)
    assert (found["config.yaml"].verdict, found["config.yaml"].detail) == (
        FileVerdict.WITHIN,
        "the same values in other bytes",
    )
    assert found["plain.txt"].detail == "other bytes (2 bytes)"
    assert found["gone.md"].detail == "lines[0]: its text is another"

    run_folder(other, {"config.yaml": SAVED.format(folder=other).replace("1", "2"), "plain.txt": "a\n"})
    found = checked(old, other)
    assert (found["config.yaml"].verdict, found["config.yaml"].detail) == (
        FileVerdict.DIFFERENT,
        "lines[0]: its text is another",
    )


@pytest.mark.parametrize("data", [b"\xff\xfe in {folder}", b"x" * (1 << 20) + b" {folder}"])
def test_a_text_that_cannot_be_read_or_is_too_large_is_compared_by_its_bytes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(data.replace(b"{folder}", bytes(tmp_path)))
    [file] = recorded(tmp_path).files
    assert (file.content, file.note) == (None, "")
