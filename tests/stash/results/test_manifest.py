"""The results manifest as text: the same after being read, small differences in few lines, and nothing hostile."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experimentstash.core.errors import StashError
from experimentstash.core.invocation import updating
from experimentstash.stash.results.manifest import Content, File, Manifest, Moments, Series, render
from experimentstash.stash.results.manifest_parser import parse, path_complaint

DIGEST = "0123456789abcdef" * 4
words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
numbers = st.one_of(st.integers(-(1 << 200), 1 << 200), st.floats().map(lambda x: math.nan if math.isnan(x) else x))
values = st.one_of(numbers, st.booleans(), st.none(), st.just("0123456789abcdef"))
moments = st.builds(
    Moments,
    st.integers(0, 10**12),
    *[st.integers(0, 9)] * 3,
    *[numbers.filter(lambda x: not math.isnan(x))] * 2,
    *[st.floats(allow_nan=False)] * 3,
)
complete = st.builds(
    lambda name, kept, shape, dtype: Series(name, len(kept), tuple(kept), shape, dtype),
    words,
    st.lists(values, max_size=9),
    st.sampled_from(["", "3x4", "scalar"]),
    st.sampled_from(["", "<f8"]),
)
sampled = st.builds(
    lambda name, kept, told, others: Series(name, 16 * len(kept), tuple(kept), "", "", told, "F" + DIGEST[:32], others),
    words,
    st.lists(values, min_size=1, max_size=9),
    moments,
    st.sampled_from(["", DIGEST[:32]]),
)
contents = st.builds(
    lambda kind, series: Content(kind, tuple(series)),
    st.sampled_from(["json", "jsonl", "csv", "npy", "npz"]),
    st.lists(st.one_of(complete, sampled), max_size=4, unique_by=lambda series: series.name),
)
files = st.builds(
    File,
    words.map("run/{}.x".format),
    st.integers(0, 1 << 60),
    st.just(DIGEST),
    st.one_of(st.none(), contents),
    st.sampled_from(["", "no JSON"]),
)
manifests = st.builds(
    lambda found, notes, share: Manifest(tuple(sorted(found, key=lambda file: file.path)), tuple(sorted(notes)), share),
    st.lists(files, max_size=5, unique_by=lambda file: file.path),
    st.lists(words, max_size=3),
    st.integers(1, 8192),
)


@given(manifests)
def test_what_is_written_is_what_is_read(manifest: Manifest) -> None:
    text = render(manifest)
    assert parse(text.encode(), "x") == manifest
    assert render(parse(text.encode(), "x")) == text
    assert text.endswith("}\n")
    assert json.loads(text, parse_constant=pytest.fail)["version"] == 1  # what every reader of JSON reads


def test_a_file_takes_a_line_and_each_of_its_series_another() -> None:
    table = Content("csv", (Series("x", 2, (1, math.nan), "2"), Series("y", 1, (0.5,))))
    manifest = Manifest((File("b.png", 3, DIGEST), File("a.csv", 9, DIGEST, table)), ("l: a link",))
    assert render(manifest) == (
        '{\n "version": 1,\n "share": 8192,\n "notes": [\n  "l: a link"\n ],\n "files": [\n'
        f'  {{"path": "a.csv", "size": 9, "sha256": "{DIGEST}", "kind": "csv", "series": [\n'
        '   {"name": "x", "count": 2, "shape": "2", "values": [1, ["nan"]]},\n'
        '   {"name": "y", "count": 1, "values": [0.5]}]},\n'
        f'  {{"path": "b.png", "size": 3, "sha256": "{DIGEST}"}}\n ]\n}}\n'
    )


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("a/b.csv", None),
        ("0/métriques.csv", None),
        ("..a/b..", None),
        ("", "it is empty or too long"),
        ("a" * 1025, "it is empty or too long"),
        ("/etc/passwd", "it is absolute"),
        ("C:/x", "it is absolute"),
        ("../x", "it leads out of the run directory, or round in it"),
        ("a/../x", "it leads out of the run directory, or round in it"),
        ("a/./x", "it leads out of the run directory, or round in it"),
        ("a//x", "it leads out of the run directory, or round in it"),
        ("a/", "it leads out of the run directory, or round in it"),
        ("a\\b", "it holds control characters or a backslash"),
        ("a\nb", "it holds control characters or a backslash"),
        ("a\x1b[2J", "it holds control characters or a backslash"),
        ("a\u202eb", "it holds control characters or a backslash"),
        ("a\ud800", "it holds control characters or a backslash"),
    ],
)
def test_paths(path: str, complaint: str | None) -> None:
    assert path_complaint(path) == complaint


def manifest_of(**changes: Any) -> dict[str, Any]:
    return {"version": 1, "share": 8192, "notes": [], "files": [], **changes}


def file_of(**changes: Any) -> dict[str, Any]:
    return manifest_of(files=[{"path": "a", "size": 1, "sha256": DIGEST, **changes}])


def series_of(**changes: Any) -> dict[str, Any]:
    return file_of(kind="csv", series=[{"name": "x", "count": 1, "values": [1], **changes}])


MOMENTS = dict.fromkeys(("of", "nan", "inf", "neg_inf", "low", "high", "mean", "mean_abs", "rms"), 1)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "line 1, column 1: Expecting value"),
        (b"{\n  nope", "line 2, column 3: Expecting property name"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 1_000_000, "a number that is too long, or brackets that are too deep"),
        (b"1" * 5000, "a number that is too long, or brackets that are too deep"),
        (b'{"version": NaN}', "NaN"),
        (b'{"version": 1, "version": 1}', "a key occurs twice"),
        (b" " * (32 * 1024 * 1024 + 1), "33554433 bytes, of at most 33554432"),
        ([], "a mapping with files, notes, share, version is expected, and nothing else that is not known"),
        ({}, "a mapping with files, notes, share, version is expected"),
        (manifest_of(more=1), "a mapping with files, notes, share, version is expected"),
        (manifest_of(version="1"), "`version` is 1"),
        (manifest_of(version=True), "`version` is 1"),
        (manifest_of(version=0), "`version` is 1"),
        (manifest_of(share=0), "`share` is a number up to 8192"),
        (manifest_of(share=1 << 40), "`share` is a number up to 8192"),
        (manifest_of(notes={}), "a list is expected"),
        (manifest_of(notes=["\x1b[2J"]), "text is expected"),
        (manifest_of(notes=["x" * 2001]), "text is expected"),
        (manifest_of(files={}), "a list is expected"),
        (manifest_of(files=[1]), "a file: a mapping with path, sha256, size is expected"),
        (manifest_of(files=[{"path": "a"}]), "a file: a mapping with path, sha256, size is expected"),
        (manifest_of(files=file_of()["files"] * 2), "a path occurs twice, or the files are not sorted"),
        (manifest_of(files=[file_of(path=p)["files"][0] for p in "ba"]), "a path occurs twice, or the files are not"),
        (manifest_of(files=[file_of(path=p)["files"][0] for p in ("a", "a/b")]), "'a' is a file and a folder"),
        (manifest_of(files=[file_of(path=p)["files"][0] for p in ("a", "a/b/c")]), "'a' is a file and a folder"),
        (file_of(path="../../x"), "a file: the path '../../x': it leads out of the run directory"),
        (file_of(path=1), "a file: text is expected"),
        (file_of(size=-1), "a: a count is a whole number, and not negative"),
        (file_of(size=1.0), "a: a count is a whole number, and not negative"),
        (file_of(size=True), "a: a count is a whole number, and not negative"),
        (file_of(sha256="x" * 64), "a: `sha256` is 64 hex digits"),
        (file_of(sha256=DIGEST + "0"), "a: text is expected, of at most 64 characters"),
        (file_of(kind="csv"), "a: `kind` is one of csv, json, jsonl, npy, npz, text, and `series` stands beside it"),
        (file_of(kind="pickle", series=[]), "a: `kind` is one of"),
        (file_of(kind=[], series=[]), "a: `kind` is one of"),
        (file_of(kind="csv", series=series_of()["files"][0]["series"] * 2), "a: a series occurs twice"),
        (file_of(kind="csv", series=[1] * 300), "a: a list is expected, and none that is too long"),
        (series_of(count=2), "a: 'x': 1 values tell nothing of 2"),
        (series_of(count=2, moments=MOMENTS, values=[]), ""),
        (series_of(count=9, moments=MOMENTS, values=[1, 2, 3, 4]), "a: 'x': 4 values tell nothing of 9"),
        (series_of(count=1 << 62, values=[]), "a: 'x': 0 values tell nothing of 4611686018427387904"),
        (series_of(values=["text"]), "a: a value is a finite number, true, false, null, a digest"),
        (series_of(values=[["NaN"]]), "a: a value is a finite number"),
        (series_of(values=[{}]), "a: a value is a finite number"),
        (series_of(values=[10**400]), "a: a value is a finite number"),
        (series_of(others="x"), "a: 'x': `digest` and `others` are 16 or 32 hex digits"),
        (series_of(digest="x"), "a: 'x': `digest` and `others` are 16 or 32 hex digits"),
        (series_of(moments={}), "a: a mapping with high, inf, low, mean, mean_abs, nan, neg_inf, of, rms is expected"),
        (series_of(moments={**MOMENTS, "low": None}), "a: `moments` are numbers, or all null"),
        (series_of(moments={**MOMENTS, "low": True}), "a: `moments` are numbers, or all null"),
        (series_of(moments={**MOMENTS, "rms": ["nan"]}), "a: `moments` are numbers, or all null"),
    ],
)
def test_what_is_no_manifest_is_refused(said: Any, told: str) -> None:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    if not told:
        parse(data, "x.results.json")
        return
    with pytest.raises(StashError) as error:
        parse(data, "x.results.json")
    assert str(error.value).startswith(f"x.results.json: not a valid results manifest: {told}")
    assert str(error.value).endswith("\n    fix: git checkout HEAD -- 'x.results.json'")


def test_an_infinite_number_is_no_number_of_json() -> None:
    data = json.dumps(series_of(values=["X"])).replace('"X"', "1e999").encode()
    with pytest.raises(StashError, match="a value is a finite number"):
        parse(data, "x")


def test_what_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(StashError, match="the manifest of 40000 result files would take more than 33554432 bytes"):
        render(Manifest(tuple(File(f"{n:01000}", 0, DIGEST) for n in range(40_000))))


def test_a_newer_version_is_told_as_such() -> None:
    with pytest.raises(StashError) as error:
        parse(json.dumps(manifest_of(version=2, more=1)).encode(), "x")
    assert str(error.value) == (
        f"x: a results manifest of version 2, newer than this program supports\n    fix: {updating()}"
    )


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from([*manifest_of(), *file_of()["files"][0]]), inner),
        ),
    )
)
def test_any_json_is_read_or_refused(said: Any) -> None:
    for whole in (said, manifest_of(files=[said]), file_of(kind="csv", series=[said]), series_of(values=[said])):
        try:
            parse(json.dumps(whole).encode(), "x")
        except StashError:
            continue
