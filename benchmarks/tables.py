"""Writes the tables into README.md."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Row, Seconds, Spread, Timed, added, ratio

if TYPE_CHECKING:
    from environments import Environment

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEAD = """\
| command | ms | beside | ms | adds, ms | ratio | aim | met |
| --- | ---: | --- | ---: | ---: | ---: | --- | --- |
"""


def write(groups: dict[str, list[Row]], took: Seconds, rounds: int, load: str, own: Environment) -> None:
    """Write the table between the markers of README.md."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [_surroundings(rounds, load, own)]
    parts += [f"### {title}\n\n{_HEAD}{''.join(_line(row, took) for row in rows)}" for title, rows in groups.items()]
    README.write_text(f"{before}{BEGIN}\n\n{chr(10).join(parts)}\n{END}{after}", encoding="utf-8")


def _line(row: Row, took: Seconds) -> str:
    mine = Spread.of(took[row.subject])
    cells = [row.subject.label, _milliseconds(mine)]
    if isinstance(row.peer, Timed):
        more, multiple = added(row, took), ratio(row, took)
        cells += [f"{row.times} x {row.peer.label}" if row.times > 1 else row.peer.label]
        cells += [_milliseconds(Spread.of(took[row.peer])), _milliseconds(more), _multiple(multiple)]
        cells += _verdict(row, mine, more, multiple)
    else:
        cells += [row.peer or "", "", "", "", *_verdict(row, mine)]
    return f"| {' | '.join(cells)} |\n"


def _verdict(row: Row, mine: Spread, more: Spread | None = None, multiple: Spread | None = None) -> list[str]:
    if row.most is not None:
        return [f"≤ {row.most:g} s", _met(mine, row.most)]
    if row.most_added is not None:
        return [f"adds ≤ {row.most_added * 1000:.0f} ms", _met(more, row.most_added)]
    if row.most_ratio is not None:
        return [f"≤ {row.most_ratio:g} x{' each' if row.times > 1 else ''}", _met(multiple, row.most_ratio)]
    return ["", ""]


def _met(spread: Spread | None, most: float) -> str:
    if spread is None:
        return "unknown"
    return "yes" if spread.median <= most else "**no**"


def _milliseconds(spread: Spread) -> str:
    return f"{spread.median * 1000:.0f} ({spread.low * 1000:.0f} - {spread.high * 1000:.0f})"


def _multiple(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f} - {spread.high:.2f})"


def _surroundings(rounds: int, load: str, own: Environment) -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout.split()[2]
    versions = ", ".join(own.version(name) for name in ("click", "dulwich", "hydra-core"))
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    return (
        f"{today}: {rounds} rounds on {os.cpu_count()} cores ({_processor()}), {platform.system()};"
        f" Python {platform.python_version()}, git {git}, {versions}. Load average before and after: {load}.\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
