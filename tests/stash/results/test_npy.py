"""numpy's files, as real numpy writes them, and files that only look like them."""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import file_of, numpy, series_of

from experimentstash.stash.results.manifest import Series
from experimentstash.stash.results.npy import read_array
from experimentstash.stash.results.npz import read_npz
from experimentstash.stash.results.summary import Keep, UnreadableError

DTYPES = "<f2 >f2 <f4 >f4 <f8 >f8 |i1 <i2 >i2 <i4 >i4 <i8 >i8 |u1 <u2 >u2 <u4 >u4 <u8 >u8 |b1 <c8 >c8 <c16 >c16".split()
SHAPES = [(), (0,), (1,), (5,), (256,), (257,), (3, 0, 2), (4, 5), (2, 3, 4), (40, 50), (7, 11, 13)]


def bytes_of(array: Any, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    numpy.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def read(data: bytes, keep: Keep = Keep()) -> Series:  # noqa: B008  (a frozen value)
    return read_array(io.BytesIO(data), len(data), "value", keep)


def random_array(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Any:
    rng = numpy.random.default_rng(seed)
    count = math.prod(shape)
    return numpy.frombuffer(rng.bytes(count * numpy.dtype(dtype).itemsize), dtype).reshape(shape)


def expected(array: Any, step: int) -> list[int | float]:
    """Return the kept values as numpy has them: in the order of the indices, a complex number as two."""
    flat = array.flatten(order="C")
    if array.dtype.kind == "c":
        flat = numpy.stack([flat.real, flat.imag], axis=1).reshape(-1)
    wide = flat.astype(float) if flat.dtype.kind == "f" else flat.astype(int) if flat.dtype.kind == "b" else flat
    values: list[int | float] = wide[::step].tolist()
    return values


def check_against_numpy(array: Any) -> None:
    with numpy.errstate(all="ignore"):
        series = read(bytes_of(array))
        count = array.size * (2 if array.dtype.kind == "c" else 1)
        step = Keep().stride(count)
        assert (series.count, series.dtype) == (count, array.dtype.str)
        assert series.shape == ("x".join(map(str, array.shape)) or "scalar")
        assert list(map(repr, series.values)) == list(map(repr, expected(array, step)))
        assert series.complete == (count <= 256)
        _check_moments(series, expected(array, 1))


def _check_moments(series: Series, values: list[int | float]) -> None:
    if series.complete:
        assert series.moments is None
        return
    moments = series.moments
    assert moments is not None
    numbers = [value for value in values if math.isfinite(value)]
    counts = (len(values), sum(map(math.isnan, values)), values.count(math.inf), values.count(-math.inf))
    assert (moments.of, moments.nan, moments.inf, moments.neg_inf) == counts
    assert (moments.low, moments.high) == (min(numbers), max(numbers))
    wide = numpy.array(numbers, dtype=numpy.longdouble)
    mean, mean_abs, rms = wide.mean(), abs(wide).mean(), numpy.sqrt((wide**2).mean())
    for told, true in ((moments.mean, mean), (moments.mean_abs, mean_abs), (moments.rms, rms)):
        # a sum beyond the largest double is told as infinite
        assert told == pytest.approx(float(true), rel=1e-12, abs=float(mean_abs) * 1e-12) or told == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_what_numpy_writes(dtype: str, shape: tuple[int, ...]) -> None:
    array = random_array(dtype, shape)
    if dtype == "|b1":
        array = random_array("|u1", shape) > 128
    check_against_numpy(array)
    check_against_numpy(numpy.asfortranarray(array))


@given(
    dtype=st.sampled_from([dtype for dtype in DTYPES if dtype != "|b1"]),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    seed=st.integers(0, 1 << 32),
    fortran=st.booleans(),
)
def test_any_array_of_numbers_reads_as_numpy_reads_it(
    dtype: str, shape: tuple[int, ...], seed: int, fortran: bool
) -> None:
    array = random_array(dtype, shape, seed)
    check_against_numpy(numpy.asfortranarray(array) if fortran else array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format(version: tuple[int, int]) -> None:
    assert read(bytes_of(numpy.arange(3.0), version)).values == (0.0, 1.0, 2.0)


def test_chunks_change_nothing_but_the_memory() -> None:
    array = numpy.random.default_rng(1).normal(size=(1 << 17) + 77)
    check_against_numpy(array)
    check_against_numpy(numpy.asfortranarray(array[: 1 << 17].reshape(256, 512)))


def test_a_very_large_array_is_looked_at_in_evenly_spaced_blocks() -> None:
    array = numpy.arange(65 << 16, dtype="u1")
    series = read(bytes_of(array))
    assert series.moments is not None
    assert series.moments.of == 33 << 16  # every second of 65 chunks
    assert series.values == tuple(int(value) for value in array[:: 1 << 17])


def test_the_order_of_the_indices_in_the_file_changes_no_value() -> None:
    array = numpy.random.default_rng(2).normal(size=(30, 40))
    rows, columns = read(bytes_of(array)), read(bytes_of(numpy.asfortranarray(array)))
    assert rows.values == columns.values
    assert rows.moments == columns.moments
    assert columns.digest.startswith("F")
    assert not rows.digest.startswith("F")


NOT_NUMERIC = {
    "objects": (numpy.array([{}, 1], dtype=object), "no numbers, but Python objects"),
    "text": (numpy.array(["a", "bc"]), "no numbers, but <U2"),
    "bytes": (numpy.array([b"a"]), "no numbers, but |S1"),
    "records": (numpy.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")]), "no numbers, but record"),
    "dates": (numpy.array(["2026-11-23"], dtype="M8[D]"), "no numbers, but <M8[D]"),
    "void": (numpy.zeros(1, dtype="V3"), "no numbers, but |V3"),
    "long doubles": (numpy.zeros(1, dtype="g"), "no numbers, but <f16"),
}


@pytest.mark.parametrize("what", NOT_NUMERIC)
def test_what_is_no_number_is_compared_by_its_bytes(what: str, tmp_path: Path) -> None:
    array, why = NOT_NUMERIC[what]
    numpy.save(tmp_path / "x.npy", array, allow_pickle=True)
    file = file_of(tmp_path, "x.npy")
    assert (file.content, file.note) == (None, f"{why}: compared by its bytes")


def test_an_archive_of_arrays_is_read_by_name(tmp_path: Path) -> None:
    values = numpy.random.default_rng(3).normal(size=300)
    numpy.savez(tmp_path / "a.npz", b=values, a=numpy.eye(2), s=numpy.array(["x"]), o=numpy.array([{}], dtype=object))
    numpy.savez_compressed(tmp_path / "b.npz", b=values, a=numpy.eye(2))
    stored, packed = series_of(tmp_path, "a.npz"), series_of(tmp_path, "b.npz")
    assert list(stored) == ["a", "b", "o", "s"]
    assert stored["a"] == Series("a", 4, (1.0, 0.0, 0.0, 1.0), "2x2", "<f8")
    assert {name: stored[name] for name in "ab"} == packed
    for name, dtype in (("s", "<U1"), ("o", "|O")):
        assert (stored[name].dtype, stored[name].values, len(stored[name].others)) == (dtype, (), 32)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "went off",))

    run = tmp_path / "run"
    run.mkdir()
    numpy.save(run / "x.npy", numpy.array([Bomb()], dtype=object), allow_pickle=True)
    numpy.savez(run / "x.npz", x=numpy.array([Bomb()], dtype=object))
    assert series_of(run, "x.npz")["x"].dtype == "|O"
    assert file_of(run, "x.npy").note
    assert not (tmp_path / "went off").exists()


GOOD = bytes_of(numpy.arange(4.0))


def with_header(text: str, body: bytes = b"", length: int | None = None) -> bytes:
    said = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said) if length is None else length) + said + body


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no npy file"),
        (b"\x93NUMPX\x01\x00", "no npy file"),
        (b"\x93NUMPY\x09\x00" + GOOD[8:], "no npy file"),
        (GOOD[:20], "cut short"),
        (GOOD[:-1], "longer or shorter"),
        (GOOD + b"x", "longer or shorter"),
        (with_header("x", length=60000), "an npy header of 60000 bytes"),
        (with_header(""), "cannot be read"),
        (with_header("__import__('os')"), "cannot be read"),
        (with_header("(" * 5000), "cannot be read"),
        (with_header("[" * 5000 + "]" * 5000), "cannot be read"),
        (with_header("-" * 9000 + "1"), "cannot be read"),
        (with_header("{}"), "cannot be read"),
        (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "cannot be read"),
        (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}"), "cannot be read"),
        (with_header("{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}", b"x" * 8), "cannot be read"),
        (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': [1]}", b"x" * 8), "cannot be read"),
        (with_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 65}}}", b"x" * 8), "cannot be read"),
        (with_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({1 << 62},)}}"), "longer or shorter"),
        (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 1}", b"x" * 8), "cannot be read"),
    ],
)
def test_what_is_no_array_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read(data)


@given(st.binary(max_size=300))
def test_noise_in_a_header_is_refused_or_read(noise: bytes) -> None:
    try:
        read(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(noise)) + noise)
    except UnreadableError:
        return


def archive(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # a name that occurs twice
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


BROKEN = bytearray(archive([("a.npy", GOOD * 50)]))
BROKEN[60:64] = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK", "no npz file: File is not a zip file"),
        (archive([("a.npy", GOOD)])[:-30], "no npz file"),
        (bytes(BROKEN), "no npz file"),
        (archive([("a.txt", b"x")]), "a member that is no array"),
        (archive([("a.npy", GOOD), ("a.npy", GOOD)]), "names that cannot be told apart"),
        (archive([("a\n.npy", GOOD)]), "names that cannot be told apart"),
        (archive([(f"{n}.npy", GOOD) for n in range(257)]), "257 arrays, more than 256"),
        (archive([("a.npy", GOOD[:-3])]), "longer or shorter"),
    ],
)
def test_what_is_no_archive_of_arrays_is_compared_by_its_bytes(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    file = file_of(tmp_path, "x.npz")
    assert file.content is None
    assert why in file.note


def test_a_small_archive_that_claims_to_be_huge_is_not_unpacked(tmp_path: Path) -> None:
    data = bytearray(archive([("a.npy", GOOD)]))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xFFFFFFFE)  # its size, unpacked
    (tmp_path / "x.npz").write_bytes(data)
    assert "an npz file of more than 2147483648 bytes, unpacked" in file_of(tmp_path, "x.npz").note


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_that_numpy_did_not_write_is_not_unpacked(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("a.npy", bytes_of(numpy.arange(2.0)))
    with (tmp_path / "a.npz").open("rb") as file, pytest.raises(UnreadableError, match="compressed as numpy does not"):
        read_npz(file, Keep())


@settings(max_examples=300)
@given(st.integers(0, 400), st.integers(0, 255))
def test_an_archive_with_any_byte_altered_is_read_or_refused(place: int, value: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes_of(numpy.arange(2.0)))
    data = bytearray(made.getvalue())
    data[place % len(data)] = value
    with contextlib.suppress(UnreadableError):
        read_npz(io.BytesIO(bytes(data)), Keep())
