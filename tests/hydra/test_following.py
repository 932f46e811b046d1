"""Values that are built from others follow them at a replay as in the run; what cannot is told."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from config_classes import Leaf, Model
from experimentstash_inside.keytexts import UnfitError
from experimentstash_inside.replaying import frozen_config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf, open_dict
from replays import compose_stored, described, freezing, frozen_text, replayed, written

from experimentstash.core.names import SnapshotName
from experimentstash.stash import snapshot_file
from experimentstash.verify.flat import flat_problems

NAME = SnapshotName("tool", "tag", "experiment")
EXAMPLES = int(os.environ.get("EXAMPLES", "100" if "EVERY" in os.environ else "12"))


@pytest.fixture(autouse=True)
def resolvers() -> None:
    """Those of a tool: a function of what it is given, one that reads the config itself, and one that counts."""
    counter = itertools.count()
    drawn = itertools.count(1000)
    made: list[tuple[str, Any, bool]] = [
        ("twice", lambda value: value * 2, False),
        ("add", lambda first, second: first + second, False),
        ("pair", lambda first: {"first": first, "items": [first, first]}, False),
        ("top", lambda key, _root_: _root_[key], False),
        ("count", lambda *_: next(counter), False),
        ("drawn", lambda *_: next(drawn), True),
        ("threads", lambda value: value * int(os.environ.get("THREADS_HERE", "1")), False),
    ]
    for name, resolver, cached in made:
        OmegaConf.register_new_resolver(name, resolver, replace=True, use_cache=cached)


LEAVES = ("seed", "rate", "data.size", "data.name", "items.0")
BUILT = (
    "${seed}", "x${rate}-${data.name}", "${data}", "${data.size}", "${items}", "${items.0}", "${twice:${seed}}",
    "${add:${seed},${data.size}}", "${oc.select:seed,7}", "${oc.dict.values:data}", "${oc.dict.keys:data}",
    "${oc.create:{a:${seed}}}", "${pair:${seed}}", "${top:rate}", "${first}", "${nested.deep.up}", r"\${seed} ${seed}",
)  # fmt: skip
builts = st.lists(st.sampled_from(BUILT), min_size=1, max_size=6)
VALUES: dict[str, list[Any]] = {
    "seed": [3, 4],
    "rate": [0.5, 2.0],
    "data.size": [11],
    "data.name": ["other"],
    "items.0": [9],
}
CHANGES: list[tuple[str, Any]] = [(key, value) for key in LEAVES for value in VALUES[key]]
changes = st.sampled_from(CHANGES)


def built_config(texts: list[str]) -> DictConfig:
    config: dict[str, Any] = {
        "first": "${seed}",
        "nested": {"deep": {"up": "${...seed}", "beside": "${.up}", "list": ["${seed}", {"x": "${.....rate}"}]}},
        **{f"built{number}": text for number, text in enumerate(texts)},
        "seed": 1,
        "rate": 0.1,
        "data": {"size": 10, "name": "digits"},
        "items": [1, 2],
    }
    return OmegaConf.create(config)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(builts, st.lists(changes, max_size=2), st.none() | changes)
def test_a_replay_follows_as_the_run_does(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    overrides: list[tuple[str, Any]],
    set_by_task: tuple[str, Any] | None,
) -> None:
    """What is overridden at the replay, and what the task sets before it reads, changes what is built from it."""
    config = built_config(texts)
    lines = [f"{key}={value}" for key, value in overrides if not key.endswith(".0")]
    text = frozen_text(compose_stored(config))
    was = compose_stored(config, lines)
    again = replayed(text, tmp_path_factory.mktemp("replay"), lines)
    for task in (was, again):
        if set_by_task is not None:
            OmegaConf.update(task, *set_by_task)
    assert list(described(again)) == list(described(was))
    assert flat_problems(snapshot_file.parse(text.encode(), NAME.path), NAME) == []


def test_an_alias_is_the_very_mapping(tmp_path: Path) -> None:
    again = replayed(frozen_text(compose_stored(OmegaConf.create({"b": "${a}", "a": {"x": 1}}))), tmp_path)
    again.b.x = 5
    assert again.a.x == 5


def test_a_built_value_keeps_its_declared_type(tmp_path: Path) -> None:
    made = OmegaConf.structured(Model)
    with open_dict(made):
        made.seed, made.none, made.leaf.count, made.leaf.maybe, made.leaf.color = 2, "${leaf}", "${seed}", "${seed}", 1
        made.leaves = [Leaf()]
        made.leaves[0].count = "${seed}"
    config = compose_stored(made)
    again = replayed(frozen_text(config), tmp_path)
    assert list(described(again)) == list(described(config))
    again.seed = 9
    assert (again.leaf.count, again.leaf.maybe, again.leaves[0].count, again.none.count) == (9, 9, 9, 9)


def header(text: str, key: str) -> list[str]:
    return list(snapshot_file.parse(text.encode(), NAME.path).all(key))


def test_built_lines_are_overrides_where_hydra_has_them() -> None:
    config = compose_stored(
        OmegaConf.create(
            {"seed": 1, "a": {"b": "${seed}"}, "m": {"a b": "${seed}", "x.y": "${seed}"}, "l": ["${seed}"]}
        )
    )
    text = frozen_text(config)
    assert header(text, "BUILT") == ["a.b=${seed}", "l.0=${seed}"]
    assert header(text, "BUILT_AT") == ['m."a\\u0020b" = "${seed}"', 'm."x.y" = "${seed}"']


def test_what_reads_the_environment_does_not_follow_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAVOUR", "sweet")
    config = compose_stored(OmegaConf.create({"seed": 1, "out": "${oc.env:FLAVOUR}-${twin}", "twin": "${seed}"}))
    frozen = freezing(config)
    assert ("FIXED", "out twin seed") in frozen.lines
    assert ("out", "does not follow twin, seed, which it is built from") in frozen.notices
    assert ("BUILT", "twin=${seed}") in frozen.lines


def test_what_is_kept_does_not_follow() -> None:
    frozen = freezing(compose_stored(OmegaConf.create({"seed": 1, "a": "${seed}"})), keep=["a"])
    assert frozen.lines == [("FIXED", "a seed")]
    assert frozen.notices == [("a", "kept, as you said")]


@pytest.mark.parametrize("resolver", ["count", "drawn"])
def test_values_that_depend_on_when_they_are_read_are_told(tmp_path: Path, resolver: str) -> None:
    """One that counts its calls, and one that OmegaConf asks once for each argument: the order decides."""
    config = {"x": 1, "a": f"${{{resolver}:${{x}},1}}", "b": f"${{{resolver}:${{x}},2}}", "c": "${a}"}
    frozen = freezing(compose_stored(OmegaConf.create(config)))
    assert {"a", "b"} <= set(frozen.varies)
    assert ("a", "another value each time it is read: frozen as first seen") in frozen.notices
    assert not [text for key, text in frozen.lines if key == "BUILT" and text.startswith(("a=", "b="))]
    again = replayed(frozen_text(compose_stored(OmegaConf.create(config))), tmp_path)
    assert (again.a, again.b) == (again.a, again.b)


def test_a_resolver_that_looks_at_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task gets the frozen value, and the user is told that it does not follow."""
    monkeypatch.setenv("THREADS_HERE", "4")
    text = frozen_text(compose_stored(OmegaConf.create({"n": 2, "all": "${threads:${n}}", "twin": "${all}"})))
    monkeypatch.setenv("THREADS_HERE", "8")
    config = frozen_config(str(written(text, tmp_path)))
    assert (config.all, config.twin) == (8, 8)
    assert "all was frozen with the value that ${threads:${n}} gave" in capsys.readouterr().err


def test_a_body_that_was_edited_does_not_fit(tmp_path: Path) -> None:
    text = frozen_text(compose_stored(OmegaConf.create({"seed": 1, "a": "${seed}"})))
    with pytest.raises(UnfitError, match=r"a is built as \$\{seed\}, and the body has another value"):
        frozen_config(str(written(text.replace("\nseed: 1", "\nseed: 2"), tmp_path)))


def test_an_edited_body_counts_when_it_is_frozen_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = frozen_text(compose_stored(OmegaConf.create({"seed": 1, "a": "${seed}", "b": "${seed}"})))
    monkeypatch.setenv("EXPERIMENTSTASH_ORDER", '{"mode": "capture"}')
    config = frozen_config(str(written(text.replace("\na: 1", "\na: 5"), tmp_path)))
    config.seed = 3
    assert (config.a, config.b) == (5, 3)
