"""`make bench`: measures what users wait for, and writes the table in README.md."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import environments
import tables
from measure import measure
from places import Place
from topics import archiving, committing, freezing, pushing, reproducing, running, showing, startup, verifying

TOPICS = (startup, running, freezing, verifying, showing, committing, pushing, reproducing, archiving)


def main() -> None:
    """Measure every topic in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each command is timed (default: 15)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="experimentstash-bench-") as folder:
        own = environments.own()
        place = Place.at(Path(folder).resolve(), own)
        groups = {topic.TITLE: topic.rows(place) for topic in TOPICS}
        before = os.getloadavg()[0]
        took = measure([row for rows in groups.values() for row in rows], rounds)
    tables.write(groups, took, rounds, f"{before:.1f}, {os.getloadavg()[0]:.1f}", own)
    print(tables.README.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
