"""Files of two runs find each other, whatever clock, id, machine or late value their names carry."""

from __future__ import annotations

import datetime as dt
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experimentstash.stash.results.pairing import Pair, pair
from experimentstash.stash.results.run_ids import plain

CLOCK, ID, MACHINE = "a clock in its name", "an id in its name", "a machine or a process in its name"


def pairs(old: list[str], new: list[str], late: tuple[tuple[str, str], ...] = ()) -> tuple[Pair, ...]:
    return pair({path: path for path in old}, {path: path for path in new}, late).pairs


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        ("metrics.json", "metrics.json", ""),
        ("embeddings_swissroll_20261123_020410.csv", "embeddings_swissroll_20270301_235959.csv", CLOCK),
        ("a-2026-11-23_02-04-10.csv", "a-2027-03-01_23-59-59.csv", CLOCK),
        ("a_2026-11-23T02:04:10.csv", "a_2027-03-01T23:59:59.123456+01:00.csv", CLOCK),
        ("a 2026-11-23 02.04.10.csv", "a 2027-03-01 23.59.59.csv", CLOCK),
        ("20261123T020410Z.npz", "20270301T235959Z.npz", CLOCK),
        ("231123_020410.csv", "240301_235959.csv", CLOCK),
        ("2026-11-23/02-04-10/m.json", "2027-03-01/23-59-59/m.json", CLOCK),
        ("2026.11.23/02.04.10/m.json", "2027.03.01/23.59.59/m.json", CLOCK),
        ("23-11-2026.csv", "01-03-2027.csv", CLOCK),
        ("m_1793412250.json", "m_1803412250.json", CLOCK),
        ("m_1793412250.25.json", "m_1803412250.5.json", CLOCK),
        ("m_1793412250123.json", "m_1803412250123.json", CLOCK),
        ("m_1793412250123456789.json", "m_1803412250123456789.json", CLOCK),
        ("run/3f2504e0-4f89-11d3-9a0c-0305e82c3301/m.json", "run/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d/m.json", ID),
        ("a1b2c3d4e5f6/m.json", "0f1e2d3c4b5a/m.json", ID),
        ("vytxeTZskVKR7C7WgdSP3d/m.json", "KkxNpyoEtjHKGmVpc4vXo2/m.json", ID),
        ("run-20261123_020410-3f9zk2qa/x", "run-20270301_235959-8hq1m4xz/x", ID),
        ("tmpab12cd_9/x", "tmpzz99yy_1/x", ID),
        ("Nov23_02-04-10_ada-laptop/m.json", "Mar01_23-59-59_node17.example.org/m.json", MACHINE),
        ("tb.1793412250.ada-laptop.1234.0", "tb.1803412250.node17.99.0", MACHINE),
        ("log_pid123.txt", "log_pid77.txt", MACHINE),
        ("job_123456/m.json", "job_987654/m.json", MACHINE),
    ],
)
def test_a_name_that_belongs_to_one_run_finds_its_partner(old: str, new: str, how: str) -> None:
    assert pairs([old], [new]) == (Pair(old, new, how),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resnet50.pt", "resnet34.pt"),
        ("epoch_1000.pt", "epoch_2000.pt"),
        ("seed=1/m.json", "seed=2/m.json"),
        ("lr_0.001.csv", "lr_0.002.csv"),
        ("data_2048x2048.npy", "data_1024x1024.npy"),
        ("v1.2.3.txt", "v1.2.4.txt"),
        ("deadbeef.pt", "facade.pt"),
        ("0/m.json", "1/m.json"),
        ("umap_20261123.csv", "pca_20261123.csv"),
        ("20261123-baseline.csv", "20261123-ablation.csv"),
    ],
)
def test_names_that_tell_experiments_apart_stay_apart(old: str, new: str) -> None:
    found = pair({old: "1"}, {new: "2"})
    assert (found.pairs, found.missing, found.new) == ((), (old,), (new,))


def test_a_late_value_in_a_name_is_replaced_by_the_new_one() -> None:
    late = (("ada", "bob"), ("/scratch/ada", "/data"), ("7", "8"))
    assert pairs(["out-ada/fold7.csv"], ["out-bob/fold7.csv"], late) == (
        Pair("out-ada/fold7.csv", "out-bob/fold7.csv", "a late value in its name"),
    )
    assert pairs(["ada_20261123.csv"], ["bob_20270301.csv"], late)[0].how == f"a late value in its name, and {CLOCK}"
    assert pairs(["fold_7.csv"], ["fold_9.csv"], late) == ()
    assert pairs(["canada.csv"], ["canbob.csv"], late) == ()


def test_of_several_partners_the_same_bytes_come_first_and_then_the_order() -> None:
    old = {"a_20260101.csv": "1", "a_20260102.csv": "2", "a_20260103.csv": "3"}
    new = {"a_20270101.csv": "3", "a_20270102.csv": "x", "a_20270103.csv": "y", "a_20270104.csv": "z"}
    found = pair(old, new)
    assert found.pairs == (
        Pair("a_20260101.csv", "a_20270102.csv", CLOCK, "by order"),
        Pair("a_20260102.csv", "a_20270103.csv", CLOCK, "by order"),
        Pair("a_20260103.csv", "a_20270101.csv", CLOCK, "by content"),
    )
    assert (found.missing, found.new) == ((), ("a_20270104.csv",))


def test_the_same_name_wins_over_a_like_one() -> None:
    found = pair({"a_20260101.csv": "1", "a_20260102.csv": "2"}, {"a_20260102.csv": "1", "a_20260103.csv": "2"})
    assert found.pairs == (Pair("a_20260101.csv", "a_20260103.csv", CLOCK), Pair("a_20260102.csv", "a_20260102.csv"))


def test_numbers_in_names_count_as_numbers() -> None:
    old = [f"20260101/part{n}.csv" for n in (2, 10, 1)]
    new = [f"20270101/part{n}.csv" for n in (1, 2, 10)]
    assert [(two.old[9:], two.new[9:], two.guessed) for two in pairs(old, new)] == [
        (f"part{n}.csv", f"part{n}.csv", "") for n in (1, 10, 2)
    ]


def test_digits_of_every_script_are_only_letters() -> None:
    assert len(pairs(["²_20260101", "٣_20260101"], ["²_20270101", "٣_20270101"])) == 2


FORMATS = ["%Y%m%d_%H%M%S", "%Y-%m-%d_%H-%M-%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d/%H-%M-%S", "%s", "%b%d_%H-%M-%S"]
moments = st.datetimes(dt.datetime(2015, 1, 1), dt.datetime(2040, 1, 1))  # noqa: DTZ001  (names have no zone)


def stamp(form: str, moment: dt.datetime) -> str:
    return str(int(moment.replace(tzinfo=dt.timezone.utc).timestamp())) if form == "%s" else moment.strftime(form)


@given(moments, moments, st.sampled_from(FORMATS))
def test_a_clock_of_any_moment_is_seen(one: dt.datetime, other: dt.datetime, form: str) -> None:
    names = [f"x_{stamp(form, moment)}.csv" for moment in (one, other)]
    assert plain(names[0], 1) == plain(names[1], 1)


@given(
    st.lists(st.from_regex(r"[a-z]{1,6}(/[a-z]{1,6})?_", fullmatch=True), min_size=1, max_size=8, unique=True),
    st.lists(moments, min_size=2, max_size=2, unique_by=lambda moment: moment.replace(microsecond=0)),
    st.sampled_from([*FORMATS, "uuid"]),
    st.randoms(use_true_random=False),
)
def test_shuffled_names_with_stamps_pair_one_to_one(
    stems: list[str], runs: list[dt.datetime], form: str, chance: random.Random
) -> None:
    def names(moment: dt.datetime) -> list[str]:
        marks = [str(uuid.UUID(int=chance.getrandbits(128))) if form == "uuid" else stamp(form, moment) for _ in stems]
        return [f"{stem}{mark}.csv" for stem, mark in zip(stems, marks, strict=True)]

    old, new = names(runs[0]), names(runs[1])
    partner = dict(zip(old, new, strict=True))
    shuffled = chance.sample(new, len(new))
    found = pair(dict.fromkeys(old, "1"), dict.fromkeys(shuffled, "2"))
    assert {two.old: two.new for two in found.pairs} == partner
    assert (found.missing, found.new) == ((), ())


@given(
    st.dictionaries(st.from_regex(r"[ab]_?(2026010[1-9]|[a-f0-9]{8}|\d{5})?", fullmatch=True), st.sampled_from("xyz")),
    st.dictionaries(st.from_regex(r"[ab]_?(2026010[1-9]|[a-f0-9]{8}|\d{5})?", fullmatch=True), st.sampled_from("xyz")),
)
def test_every_file_is_told_once(old: dict[str, str], new: dict[str, str]) -> None:
    found = pair(old, new)
    assert sorted([two.old for two in found.pairs] + list(found.missing)) == sorted(old)
    assert sorted([two.new for two in found.pairs] + list(found.new)) == sorted(new)
    assert all(two.new == two.old for two in found.pairs if two.old in new)
