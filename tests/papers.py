"""A stash as a paper leaves it: two tags of one experiment, at two commits of a real tool, with locks and results."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conftest import git, write
from stashes import commit_index, snapshot_path, stage
from submodules import make_lab

from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.results.manifest import render

if TYPE_CHECKING:
    from pathlib import Path

HASH = "--hash=sha256:" + "0" * 64


@dataclass(frozen=True)
class Paper:
    """The stash, and where the results of each tag lie.

    Attributes:
        root: the stash.
        runs: the run directory of each tag.
        commits: the commits of the tool, oldest first.
    """

    root: Path
    runs: dict[str, Path]
    commits: tuple[str, ...]


def make_paper(root: Path) -> Paper:
    """Make a stash with the tags v1 and v2: two commits of the tool, another rate, another numpy, another loss."""
    lab = make_lab(root)
    commits = [git("rev-parse", "HEAD", cwd=lab.tool)]
    for subject in ("Warm up longer", "Fix the seed"):
        git("commit", "-q", "--allow-empty", "-m", subject, cwd=lab.tool)
        commits.append(git("rev-parse", "HEAD", cwd=lab.tool))
    runs = {}
    for tag, commit, rate, numpy, loss in (
        ("v1", commits[0], 0.1, "1.26.4", 0.5),
        ("v2", commits[2], 0.2, "2.1.0", 0.4),
    ):
        git("checkout", "-q", commit, cwd=lab.tool)
        runs[tag] = root / f"run-{tag}"
        curve = f"step,loss\n1,0.9\n2,{loss}\n"
        write(
            runs[tag], {"metrics.json": json.dumps({"loss": loss, "n": 7}), "curve.csv": curve, "same.txt": "words\n"}
        )
        freeze(lab.stash, tag, commit, f"lr: {rate}\nseed: 1\nname: '7'\nout: ???\n", runs[tag], f"numpy=={numpy}")
    return Paper(lab.stash, runs, tuple(commits))


def freeze(stash: Path, tag: str, commit: str, body: str, run: Path, *packages: str, experiment: str = "pca") -> None:
    """Freeze an experiment with a lock and with the results of a run, commit it, and tag it."""
    manifest = render(collect(run, Rules(), [str(stash)]))
    lock = "".join(f"{package} {HASH}\n" for package in packages)
    digest = hashlib.sha256(lock.encode()).hexdigest()
    place = f"configs/mytool/snapshots/{tag}/requirements-{digest[:12]}.txt"
    header = {
        "SNAPSHOT": f"mytool/{experiment}",
        "TAG": tag,
        "TOOL_COMMIT": commit,
        "TIMESTAMP": f"2026-01-{10 + int(tag.strip('v')):02}T09:30:00+00:00",
        "OVERRIDE": f"lr={body.partition('lr: ')[2].partition(chr(10))[0]}",
        "LATE": "out=${hydra:runtime.output_dir}",
        "PYTHON": "3.11.7",
        "PLATFORM": "linux-x86_64 glibc 2.36",
        "LOCK": f"{place} sha256:{digest}",
        "RESULTS": f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}",
    }
    text = "".join(f"# {key}: {value}\n" for key, value in header.items()) + f"\n{body}"
    path = snapshot_path(experiment, tag)
    stage(stash, {path: text, place: lock, f"{path.removesuffix('.yaml')}.results.json": manifest})
    git("add", "tools/mytool", cwd=stash)
    commit_index(stash, f"Freeze {tag} for the paper")
    git("tag", "-a", "-m", tag, f"snapshot/{tag}", cwd=stash)
