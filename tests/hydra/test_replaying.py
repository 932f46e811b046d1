"""The config seen at freezing and the config seen at replay: equal node by node, type by type.

Real Hydra composes both; what lies between is a snapshot file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import config_classes
import pytest
import yaml
from config_classes import Color, Deeper, Fixed, Leaf, Level, Model
from experimentstash_inside.replaying import frozen_config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf
from replays import compose_stored, described, frozen_text, replayed, written

from experimentstash.core.names import SnapshotName
from experimentstash.stash import snapshot_body, snapshot_file
from experimentstash.verify.flat import flat_problems

NAME = SnapshotName("tool", "tag", "experiment")
EXAMPLES = int(os.environ.get("EXAMPLES", "100" if "EVERY" in os.environ else "12"))

# Words that YAML 1.1, YAML 1.2 and OmegaConf read differently, and texts that YAML has to quote.
READ_DIFFERENTLY = [
    *"y n Y N yes no Yes NO on off On OFF true false True FALSE null Null NULL ~ none None".split(),
    *"nan NaN .nan .NaN inf .inf -.inf 0 1 -1 +1 00 010 0o10 0x1F 0b101 1_000 1e3 1e-3 1E+3 1.0 .5 5. -.5".split(),
    *"1e 1.e+2 12:30 1:2:3 190:20:30.15 2024-01-01 2024-01-01T00:00:00Z 2001-12-14t21:59:43.10-05:00".split(),
    *"<< = ? : - --- ... & * ! | > % @ ` # ?? ???? [1] $ $x ~x 3f1d0c4 1234567 é 日本 🎉 ' \"".split(),
    *["", " ", "  x", "x ", "a: b", "a #b", "#c", "- x", "{a: 1}", "\\", "a\\", "\n", "a\nb\n", "\t", "None "],
    *["\x00", "\x85", "\u2028", "\ufeff", "\x7f", "x" * 300],
]
RAW = [
    r"\${x}", r"a\${b}c", r"\\\${x}", r"\${x}\${y}", r"\${oc.env:HOME}", r"$\${", "\\${a}\\b", r"\${a:b,c} tail",
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(READ_DIFFERENTLY)
    | st.text(max_size=20).filter(lambda text: "${" not in text and text != "???")
    | st.sampled_from(RAW)
    | st.binary(max_size=8)
    | st.sampled_from([Color.RED, Color.GREEN, Level.HIGH])
    | st.sampled_from([Path("a/b"), Path("/abs/x"), Path()])
)
keys = (
    st.sampled_from(
        ["a", "b", "lr", "model", "a.b", "odd key", "1", "true", "null", "é", "", "${k}", "-x", "on", "x y"]
    )
    | st.text(max_size=8)
    | st.integers(-5, 5)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.binary(max_size=4)
    | st.sampled_from([Color.RED, Color.GREEN])
)
leaves = st.builds(
    Leaf,
    count=st.integers(),
    rate=st.floats(),
    name=st.sampled_from(READ_DIFFERENTLY),
    color=st.sampled_from(Color),
    where=st.sampled_from([Path("q"), Path("/x")]),
    blob=st.binary(max_size=5),
    maybe=st.none() | st.integers(),
    either=st.integers() | st.sampled_from(["7", "seven"]),
    any=scalars,
)
structured = st.one_of(
    leaves,
    st.builds(Deeper, level=st.sampled_from(Level)),
    st.builds(Fixed, size=st.integers()),
    st.builds(
        Model,
        leaf=leaves | st.builds(Deeper),
        none=st.none() | leaves,
        leaves=st.lists(leaves | st.builds(Deeper), max_size=2),
        by_name=st.dictionaries(st.sampled_from(["p", "q r"]), leaves, max_size=2),
        levels=st.none() | st.lists(st.sampled_from(Level), max_size=2),
    ),
)
trees = st.recursive(
    scalars | structured,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4).filter(lambda d: _loadable(d)),
    max_leaves=12,
)
configs = st.dictionaries(
    st.text(alphabet="abcdefgh_", min_size=1, max_size=5).filter(lambda key: key not in ("hydra", "defaults")),
    trees,
    max_size=5,
)


def _loadable(tree: dict[Any, Any]) -> bool:
    """Keys that are one key to Python or to a file (`1` and `True`, an enum and its name) are no test of ours."""
    kinds = set(map(type, tree))
    return len({repr(key) for key in tree}) == len(tree) and (
        kinds <= {Color} or (len(kinds - {str}) < 2 and Color not in kinds)
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(configs)
def test_a_replay_gives_what_was_frozen(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> None:
    seen = compose_stored(OmegaConf.create(config))
    text = frozen_text(seen)
    again = replayed(text, tmp_path_factory.mktemp("replay"))
    assert list(described(again)) == list(described(seen))
    assert frozen_text(again) == text, "flattening twice gives the same bytes"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(configs)
def test_a_frozen_body_is_flat_and_loads_as_the_values(config: dict[str, Any]) -> None:
    text = frozen_text(OmegaConf.create(config))
    parsed = snapshot_file.parse(text.encode(), NAME.path)
    assert flat_problems(parsed, NAME) == []
    loaded = OmegaConf.create(parsed.body)
    assert plain(loaded) == plain(OmegaConf.create(config))


def plain(config: Any) -> Any:
    """The values alone, as Hydra without us gives them: enums and paths are texts there."""
    if isinstance(config, (DictConfig, ListConfig)):
        if config._is_none():
            return "None"
        if isinstance(config, ListConfig):
            return [plain(config[index]) for index in range(len(config))]
        return [(plain(key), plain(config[key])) for key in config.__dict__["_content"]]
    if isinstance(config, (Color, Level)):
        config = config.name
    return repr(str(config) if isinstance(config, Path) else config)


@pytest.mark.parametrize("text", READ_DIFFERENTLY)
def test_a_text_stays_a_text_for_every_reader(text: str) -> None:
    rendered = snapshot_body.render({"map": [["key", {"leaf": text}]]})
    assert yaml.safe_load(rendered) == {"key": text if "${" not in text else text.replace("${", r"\${")}
    assert OmegaConf.create(rendered).key == text


def test_interpolations_are_resolved_to_what_they_give() -> None:
    config = OmegaConf.create(
        {
            "a": 1,
            "b": "${a}",
            "c": {"d": [1, "${b}"]},
            "e": "${c}",
            "f": "x${a}",
            "model": Model(),
            "g": "${model.leaf.color}",
        }
    )
    text = frozen_text(config)
    assert OmegaConf.create(snapshot_file.parse(text.encode(), "x").body).e == {"d": [1, 1]}
    assert "# TYPE: g Any = config_classes:Color\n" in text


def test_a_very_long_and_a_very_deep_config(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(30):
        deep = {"d": [deep]}
    config = compose_stored(
        OmegaConf.create({"deep": deep, "long": {f"k{i}": i for i in range(2000)}, "text": "x" * 100_000})
    )
    assert list(described(replayed(frozen_text(config), tmp_path))) == list(described(config))


def test_the_objects_of_resolvers_come_back(tmp_path: Path) -> None:
    OmegaConf.register_new_resolver("made_tuple", lambda: (1, ("a", Color.RED), {"k": [Path("p")]}), replace=True)
    config = compose_stored(OmegaConf.create({"t": "${made_tuple:}"}))
    assert replayed(frozen_text(config), tmp_path).t == (1, ("a", Color.RED), {"k": [Path("p")]})


def test_a_class_is_found_again_in_the_config_store(tmp_path: Path) -> None:
    from hydra_zen import make_config

    made = make_config(x=1, y="${x}", bases=(Leaf,))
    config = compose_stored(OmegaConf.create({"zen": OmegaConf.structured(made)}))
    again = replayed(frozen_text(config), tmp_path)
    assert OmegaConf.get_type(again.zen) is made
    assert issubclass(made, config_classes.Leaf)


def test_a_plain_mapping_that_its_schema_was_merged_into(tmp_path: Path) -> None:
    config = compose_stored(OmegaConf.create({"leaf": {"count": 2}}))
    meta = config.leaf._metadata
    # What OmegaConf 2.1 leaves, where the class of a field has come after its values; 2.2 and later name it twice.
    meta.ref_type, meta.object_type, meta.optional = Leaf, None, False
    again = frozen_config(str(written(frozen_text(config), tmp_path)))
    assert list(described(again.leaf)) == list(described(config.leaf))
