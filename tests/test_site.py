"""The documentation as a site: its links, what it loads, and what a browser shows. `make docs` runs these tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pages import ROOT

pytest.importorskip("mkdocs", reason="the site is built in an environment of its own: make docs")
playwright: Any = pytest.importorskip("playwright.sync_api", reason="make docs")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", MAC)
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
KINDS = ["ExperimentStash", "Tutorial", "How-to", "Reference", "Explanation"]


class Html(HTMLParser):
    """A page: the ids in it, the links of it, what it loads, and its text without tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.ids |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag in LOADED and LOADED[tag] in values and values.get("rel") not in {"canonical", "prev", "next"}:
            self.loaded.add(values[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def html(site: Path) -> dict[Path, Html]:
    return {path: Html(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_link_leads_to_a_place(html: dict[Path, Html]) -> None:
    wrong = []
    for path, page in html.items():
        for link in page.links:
            parts = urlsplit(link)
            target = path.parent.joinpath(unquote(parts.path)).resolve() if parts.path else path
            if not parts.scheme and (target not in html or (parts.fragment and parts.fragment not in html[target].ids)):
                wrong.append(f"{path.name}: {link}")
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere(html: dict[Path, Html]) -> None:
    assert {link for page in html.values() for link in page.loaded if urlsplit(link).netloc} == set()


def test_the_reference_is_generated(site: Path) -> None:
    commands = (site / "reference/commands.html").read_text(encoding="utf-8")
    assert 'id="add-tool"' in commands
    assert "--max-download" in commands
    messages = (site / "reference/messages.html").read_text(encoding="utf-8")
    assert messages.count("<tr>") > 200
    assert all("<!-- generated" not in path.read_text(encoding="utf-8") for path in site.rglob("*.html"))


@pytest.fixture
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium and no Chrome on the PATH")
    with playwright.sync_playwright() as player:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        browser = player.chromium.launch(executable_path=BROWSER, args=options)
        yield browser
        browser.close()


def test_a_browser_shows_every_page_from_disk(browser: Any, site: Path, html: dict[Path, Html]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    requests: set[str] = set()
    faults: list[str] = []
    page.on("request", lambda request: requests.add(urlsplit(request.url).scheme))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("console", lambda message: faults.extend([message.text] if message.type == "error" else []))
    for path in html:
        page.goto(path.as_uri())
        assert page.locator("article h1").is_visible(), path
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 1280, f"{path}: {width} pixels wide"
    assert faults == []
    assert requests <= {"file", "data", "blob"}


def test_a_reader_finds_a_page(browser: Any, site: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((site / "index.html").as_uri())
    shown = page.locator("nav.md-nav--primary > ul > li").all_inner_texts()
    assert [text.strip().split("\n")[0] for text in shown] == KINDS
    page.locator("input[name=query]").fill("submitit_slurm")
    result = page.locator("a.md-search-result__link").first
    result.wait_for()
    assert "SLURM" in result.inner_text()
    result.click()
    page.wait_for_url("**/how-to/slurm.html*")
    assert page.locator("article h1").inner_text().startswith("Run on SLURM")


def test_a_narrow_screen_shows_the_page_too(browser: Any, site: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((site / "tutorial.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("header label[for=__drawer]").is_visible()
