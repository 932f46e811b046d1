"""`report`: one page that loads nothing, and in which nothing that a stash says is more than text."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from conftest import estash, git, run, write
from papers import freeze, make_paper
from stashes import commit_index, make_stash, pin_id, snapshot_path, snapshot_text, stage

from experimentstash.git.repository import Repository
from experimentstash.history.report_data import report_data
from experimentstash.history.report_page import report_page

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\u202e"
LOADING = {"src", "href", "srcset", "action", "style", "xlink:href"}


class Page(HTMLParser):
    """The tags of a page, the attributes by which it could load something, and its embedded data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loading: list[str] = []
        self.handlers: list[str] = []
        self.policy = ""
        self.texts: dict[str, str] = {}
        self._last = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self.loading += [key for key in values if key in LOADING]
        self.handlers += [key for key in values if key.startswith("on")]
        self.policy = values["content"] if "Content-Security-Policy" in values.values() else self.policy
        self._last = values.get("id", tag)

    def handle_data(self, data: str) -> None:
        self.texts[self._last] = self.texts.get(self._last, "") + data


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium and no Chrome on the PATH")
def test_a_browser_shows_the_comparison_and_the_plots(tmp_path: Path) -> None:
    paper = make_paper(tmp_path)
    body = f"lr: 0.2\n{json.dumps(HOSTILE)}: {json.dumps(HOSTILE)}\nout: ???\n"
    freeze(paper.root, "v3", paper.commits[2], body, paper.runs["v2"], "numpy==2")
    assert estash("report", cwd=paper.root).code == 0
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom")
    ran = run(str(BROWSER), *options, (paper.root / "report.html").as_uri(), cwd=tmp_path)
    page = Page(ran.out)
    assert ran.code == 0, ran.err
    assert "img" not in page.tags
    assert page.tags.count("table") == 1
    assert page.tags.count("figure") == 4
    rows = ran.out.partition("<table>")[2].partition("</table>")[0].split("<tr")
    assert {row.count("<th>") + row.count("<td>") for row in rows[1:]} == {4}
    assert "<th>kind</th><th>key</th><th>v2</th><th>v3</th>" in rows[1]
    assert any("onerror" in row and "&lt;/script&gt;" in row for row in rows)
    assert not any("<th>lr</th>" in row for row in rows)  # it is the same in both


def page_of(root: Path) -> tuple[Page, dict[str, Any]]:
    ran = estash("report", "-o", "out/report.html", cwd=root)
    assert (ran.code, ran.err) == (0, "")
    page = Page((root / "out/report.html").read_text(encoding="utf-8"))
    data: dict[str, Any] = json.loads(page.texts["data"])
    return page, data


def test_the_page_has_every_snapshot_with_its_config_and_figures(tmp_path: Path) -> None:
    paper = make_paper(tmp_path)
    report = {"tag": "v1", "commit": git("rev-parse", "snapshot/v1^{}", cwd=paper.root)}
    report |= {"when": "2026-02-01", "verdict": "1 of 1 experiments hold", "machine": "Linux"}
    write(tmp_path, {"v1.json": json.dumps(report)})
    ran = estash("report", "--reproduction", tmp_path / "v1.json", cwd=paper.root)
    assert (ran.code, ran.out) == (0, "wrote report.html: 2 tags\n")
    page = Page((paper.root / "report.html").read_text(encoding="utf-8"))
    first, second = json.loads(page.texts["data"])["tags"]
    assert first["reproductions"] == ["2026-02-01: 1 of 1 experiments hold (Linux)"]
    assert second["reproductions"] == []
    assert [one["snapshots"][0]["config"]["lr"] for one in (first, second)] == ["0.1", "0.2"]
    assert second["snapshots"][0]["figures"]["metrics.json::loss"] == 0.4
    assert second["reproduce"] == "experimentstash reproduce v2 --check"
    assert second["holds"]
    assert page.loading == page.handlers == []
    assert page.policy.startswith("default-src 'none'")
    assert "http-equiv" not in page.texts


def test_nothing_that_a_stash_says_is_markup(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    commit = pin_id("one")
    body = f"{json.dumps(HOSTILE)}: {json.dumps(HOSTILE)}\n"
    text = snapshot_text("pca", "v1", commit, body=body, more=f"# OVERRIDE: a={HOSTILE}\n# RERUN: {HOSTILE}\n")
    stage(root, {snapshot_path("pca", "v1"): text})
    commit_index(root, HOSTILE)
    git("tag", "snapshot/v1", cwd=root)
    git("tag", "snapshot/<img>", "HEAD~", cwd=root)
    page, data = page_of(root)
    assert "img" not in page.tags
    assert page.tags.count("script") == 2
    assert page.handlers == page.loading == []
    snapshot = next(tag for tag in data["tags"] if tag["tag"] == "v1")["snapshots"][0]
    shown = HOSTILE.replace("\u202e", "\\u202e")
    assert snapshot["overrides"] == [f"a={shown}"]
    assert "\u202e" not in (root / "out/report.html").read_text(encoding="utf-8")


def test_figures_that_no_plot_can_show_are_left_out(tmp_path: Path) -> None:
    paper = make_paper(tmp_path)
    write(paper.runs["v1"], {"metrics.json": '{"loss": NaN, "big": 1e999, "n": true, "s": "x"}'})
    freeze(paper.root, "v3", paper.commits[2], "lr: 0.2\nout: ???\n", paper.runs["v1"], "numpy==2")
    _, data = page_of(paper.root)
    assert [key for key in data["tags"][-1]["snapshots"][0]["figures"] if "metrics" in key] == []


def test_an_empty_stash_and_500_snapshots(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    with Repository.open(root) as repository:
        assert "Nothing is frozen yet." in report_page(report_data(repository, []))
    commit = pin_id("one")
    names = [f"e{number}" for number in range(50)]
    for tag in (f"v{number}" for number in range(10)):
        stage(root, {snapshot_path(name, tag): snapshot_text(name, tag, commit) for name in names})
        commit_index(root, tag)
        git("tag", f"snapshot/{tag}", cwd=root)
    page, data = page_of(root)
    assert sum(len(tag["snapshots"]) for tag in data["tags"]) == 500
    assert page.tags.count("details") == 500


@pytest.mark.parametrize("text", ["{", "[]", '{"tag": "v1"}'])
def test_what_is_no_report_of_a_reproduction(tmp_path: Path, text: str) -> None:
    root = make_stash(tmp_path / "stash")
    write(tmp_path, {"x.json": text})
    ran = estash("report", "--reproduction", tmp_path / "x.json", cwd=root)
    assert (ran.code, ran.out) == (1, "")
    assert "report of a reproduction\n    fix: experimentstash reproduce TAG --check --report FILE" in ran.err
    assert not (root / "report.html").exists()
