"""The program: draw points, flatten them, measure how well that went, write `results.json`."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import OmegaConf

from swissroll.algorithm import prepared
from swissroll.manifold import Data, Point, Sample, draw

if TYPE_CHECKING:
    from omegaconf import DictConfig

ConfigStore.instance().store(group="data", name="schema", node=Data)


@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg: DictConfig) -> None:
    """Run one experiment."""
    # Merged with its class, so that a command line or a frozen file may name the surface by its text.
    data: Any = OmegaConf.merge(OmegaConf.structured(Data), cfg.data)
    sample = draw(data)
    flat: list[Point] = instantiate(cfg.algorithm, points=sample.points, _convert_="all")
    figures = measure(sample, flat)
    path = Path(cfg.save_dir, "results.json")
    path.write_text(json.dumps({"name": cfg.name, **figures}, indent=2) + "\n", encoding="utf-8")
    shown = ", ".join(f"{key} {value}" for key, value in figures.items())
    print(f"{cfg.name}: {cfg.data.n_points} points on the {data.surface.value}: {shown}")


def measure(sample: Sample, flat: list[Point]) -> dict[str, float]:
    """Return the figures of an experiment, in as many digits as every machine agrees on."""
    variance = sum(map(statistics.pvariance, zip(*flat, strict=True)))
    total = sum(map(statistics.pvariance, zip(*prepared(sample.points), strict=True)))
    unrolled = max(abs(_correlation(axis, sample.along)) for axis in zip(*flat, strict=True))
    return {"variance_kept": round(variance / total, 6), "unrolled": round(unrolled, 6)}


def _correlation(a: tuple[float, ...], b: list[float]) -> float:
    mean_a, mean_b = statistics.fmean(a), statistics.fmean(b)
    covariance = statistics.fmean((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return covariance / (statistics.pstdev(a) * statistics.pstdev(b))


if __name__ == "__main__":
    main()
