"""Objects come back as what they were, or freezing says which do not."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path, PurePosixPath
from typing import Any, List, Optional, Tuple  # noqa: UP035  (OmegaConf 2.1 to 2.3 read these)

import pytest
from experimentstash_inside.typenames import UnknownTypeError, from_text, to_text
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from replays import compose_stored, described, freezing, frozen_text, replayed


@pytest.fixture(autouse=True)
def store() -> Iterator[ConfigStore]:
    """Hydra's ConfigStore, which a process has once, as it was before."""
    store = ConfigStore.instance()
    before = dict(store.repo)
    yield store
    store.repo = before


def config_class(**fields: Any) -> type:
    """As hydra-zen's `make_config` does: each class is called `types.Config`."""
    return make_dataclass("Config", [(name, type(value), field(default=value)) for name, value in fields.items()])


def test_classes_of_one_name_are_told_apart(tmp_path: Path, store: ConfigStore) -> None:
    inner, other = config_class(out="results"), config_class(out="results")
    outer = make_dataclass("Config", [("n", int, 3), ("paths", Any, field(default_factory=inner))])
    store.store(group="db", name="one", node=outer)
    store.store(group="db", name="two", node={"x": [other]})
    config = compose_stored(OmegaConf.create({"a": OmegaConf.structured(outer), "b": OmegaConf.structured(other)}))
    text = frozen_text(config)
    assert "# TYPE: a Any = types:Config@db/one.yaml%3A\n" in text
    again = replayed(text, tmp_path)
    kinds = [OmegaConf.get_type(node) for node in (again.a, again.a.paths, again.b)]
    assert kinds == [outer, inner, other]
    assert list(described(again)) == list(described(config))


def test_a_class_of_a_declared_type_only(store: ConfigStore) -> None:
    first, second = config_class(x=1), config_class(x=1)
    holder = make_dataclass("Holder", [("items", List[first], field(default_factory=list))])  # type: ignore[valid-type]  # noqa: UP006
    store.store(name="holder", node=holder)
    store.store(name="second", node=second)
    assert from_text(to_text(first)) is first
    assert from_text(to_text(second)) is second


def make_local() -> tuple[Any, Any]:
    class Shade(enum.Enum):
        DARK = 1

    fields = [("shade", Shade, Shade.DARK), ("maybe", Optional[Shade], None)]  # noqa: UP045
    local = make_dataclass("Local", fields)
    local.__module__, local.__qualname__ = __name__, "make_local.<locals>.Local"
    return Shade, local


def test_a_class_in_a_function_is_found_where_it_is_registered(tmp_path: Path, store: ConfigStore) -> None:
    shade, local = make_local()
    store.store(name="local", node=local)
    config = compose_stored(OmegaConf.structured(local))
    again = replayed(frozen_text(config), tmp_path)
    assert (OmegaConf.get_type(again), again.shade) == (local, shade["DARK"])


def test_a_class_in_a_function_that_is_registered_nowhere_is_refused() -> None:
    shade, local = make_local()
    with pytest.raises(UnknownTypeError):
        to_text(local)
    config = OmegaConf.create({"a": {"b": shade["DARK"]}})
    (refused,) = freezing(config).refused
    assert refused[0] == "a.b"
    assert refused[1].startswith("its class test_types:make_local.<locals>.Shade cannot be found by name")
    assert refused[2] == "plain"
    taken = freezing(config, plain=["a.b"])
    assert taken.refused == []
    assert ("a.b", f"{refused[1]}: a plain value, as you said") in taken.notices


def test_a_class_of_the_program_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`__main__` is the program, at the freeze and at the replay; a copy of it that was imported is another module."""

    @dataclass
    class Config:
        x: int = 1

    Config.__module__, Config.__qualname__ = "__main__", "Config"
    monkeypatch.setattr(sys.modules["__main__"], "Config", Config, raising=False)
    config = compose_stored(OmegaConf.structured(Config))
    assert OmegaConf.get_type(replayed(frozen_text(config), tmp_path)) is Config


@dataclass
class Tuples:
    pair: Tuple[int, int] = (1, 2)  # noqa: UP006
    words: Tuple[str, ...] = ("a", "b")  # noqa: UP006
    other: Any = "${pair}"


def test_declared_tuples(tmp_path: Path) -> None:
    config = compose_stored(OmegaConf.structured(Tuples))
    assert list(described(replayed(frozen_text(config), tmp_path))) == list(described(config))


class Number(int):
    """As numpy has them: a number of a class of its own."""


class Word(str):
    """A text of a class of its own."""

    __slots__ = ()


class Pairs(dict):  # type: ignore[type-arg]
    """A mapping of a class of its own."""


@pytest.mark.parametrize("value", [Number(3), Word("x"), PurePosixPath("a"), Pairs(x=1), [Word("x")]])
def test_an_object_that_would_come_back_as_another_is_refused(value: object) -> None:
    OmegaConf.register_new_resolver("made", lambda: value, replace=True)
    frozen = freezing(compose_stored(OmegaConf.create({"a": {"x": "${made:}"}})))
    assert [(key, option) for key, _, option in frozen.refused] == [("a.x", "plain")]
    assert freezing(compose_stored(OmegaConf.create({"a": {"x": "${made:}"}})), plain=["a"]).refused == []


def test_an_object_that_no_file_can_hold_is_refused() -> None:
    config = OmegaConf.create({"f": print}, flags={"allow_objects": True})
    (refused,) = freezing(config).refused
    assert refused == ("f", "it cannot be given back: a builtin_function_or_method cannot be written in YAML", "late")
    assert freezing(config, late=["f"]).refused == []


def test_flags_that_a_replay_does_not_set_are_refused() -> None:
    config = OmegaConf.create({"a": {"b": 1}})
    OmegaConf.set_readonly(config.a, True)
    assert freezing(config).refused == [("a", "a replay would not give it back: its type would be another", "plain")]
