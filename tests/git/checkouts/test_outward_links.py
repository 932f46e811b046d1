"""Links of a tool that lead out of the stash are told when the tool is frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import commit, git, run

from experimentstash.git.checkouts.outward_links import outward_links
from experimentstash.stash.stash import Stash

if TYPE_CHECKING:
    from pathlib import Path


def test_links_that_lead_out_are_told_with_a_fix_that_works(tmp_path: Path) -> None:
    tool = tmp_path / "tools/mytool"
    commit(tool, {"data/a.csv": "1\n"})
    links = {
        "inside": "data/a.csv",
        "nowhere": "data/b.csv",
        "to the stash": "../../configs",
        "away": "/etc",
        "up": "../../..",
    }
    for name, target in links.items():
        (tool / name).symlink_to(target)
    assert list(outward_links(Stash(tmp_path), ["mytool"])) == []  # git does not know them yet
    git("add", "-A", cwd=tool)
    git("commit", "-q", "-m", "links", cwd=tool)
    told = list(outward_links(Stash(tmp_path), ["mytool"]))
    assert told[::2] == [
        f"tools/mytool: {name} is a link that leads out of the stash: reproduce refuses it" for name in ("away", "up")
    ]
    assert run("bash", "-c", "\n".join(line.partition("fix: ")[2] for line in told[1::2]), cwd=tmp_path).code == 0
    assert list(outward_links(Stash(tmp_path), ["mytool"])) == []
