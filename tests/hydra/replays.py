"""A config frozen and replayed in this process: real Hydra composes both, and a snapshot file lies between."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experimentstash_inside.freezing import Freezing
from experimentstash_inside.kinds import CONTAINERS
from experimentstash_inside.replaying import frozen_config
from experimentstash_inside.tracing import watched_resolvers
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from experimentstash.stash import snapshot_body, snapshot_file

COUNTER = itertools.count()


def described(container: Any, path: str = "") -> Iterator[tuple[Any, ...]]:
    """All that a task can tell of a config: keys in order, values, the types of both, and every node's metadata."""
    meta = container._metadata
    yield (
        path,
        type(container),
        meta.ref_type,
        meta.object_type,
        meta.optional,
        meta.key_type,
        meta.element_type,
        meta.flags,
    )
    positions = list(container.__dict__["_content"]) if isinstance(container, DictConfig) else range(len(container))
    for key in positions:
        here = f"{path}/{key!r}"
        node, value = container._get_node(key), container[key]
        yield here, type(key), type(value), node._metadata.ref_type, node._metadata.optional
        if isinstance(value, CONTAINERS):
            yield from described(value, here)
        else:
            yield here, type(node), repr(value) if isinstance(value, float) and math.isnan(value) else value


def compose_stored(config: DictConfig, overrides: Sequence[str] = ()) -> DictConfig:
    """Let Hydra compose a config as it does for a task."""
    name = f"primary{next(COUNTER)}"
    ConfigStore.instance().store(name=name, node=config)
    GlobalHydra.instance().clear()
    with initialize(version_base=None, config_path=None):
        return compose(name, overrides=list(overrides))


def freezing(config: DictConfig, **options: Sequence[str]) -> Freezing:
    """Freeze a composed config; `late`, `keep` and `plain` are what a user says."""
    said = {"late": [], "keep": [], **options}
    with watched_resolvers():
        return Freezing(config, roots={}, typed=lambda _: True, **said)  # type: ignore[arg-type]


def frozen_text(config: DictConfig, **options: Sequence[str]) -> str:
    """Return the snapshot of a config that can be frozen."""
    frozen = freezing(config, **options)
    assert (frozen.missing, frozen.refused, frozen.unused) == ([], [], [])
    tree = json.loads(json.dumps(frozen.body))
    return snapshot_file.render([("SNAPSHOT", "tool/experiment"), *frozen.lines], snapshot_body.render(tree))


def replayed(text: str, folder: Path, overrides: Sequence[str] = ()) -> DictConfig:
    """Return what a task is given of a snapshot."""
    return compose_stored(frozen_config(str(written(text, folder))), overrides)


def written(text: str, folder: Path) -> Path:
    file = folder / "snapshot.yaml"
    file.write_text(text, encoding="utf-8")
    return file
