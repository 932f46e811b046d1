"""Git URLs: relative ones as git itself resolves them, which are the same, and what of one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import git, run
from stashes import pin_id

from experimentstash.core.urls import hide_secrets, is_path, resolve, same, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

BASES = [
    "https://host/lab/stash.git",
    "https://host:8080/lab/stash/",
    "https://host",
    "ssh://ada@host/lab/stash",
    "ada@host:lab/stash.git",
    "ada@host:stash.git",
    "host:stash",
    "/srv/git/stash.git",
    "/stash",
    "file:///srv/stash",
    "C:/x",
]
RELATIVE = ["../tool.git", "./tool", "../../other/tool", "../../../x", "../tool/", ".././../x", "./", "../", "..//x"]


@pytest.mark.parametrize("base", BASES)
def test_a_relative_url_leads_where_git_submodule_takes_it(tmp_path: Path, base: str) -> None:
    git("init", "-q", cwd=tmp_path)
    git("remote", "add", "origin", base, cwd=tmp_path)
    git("update-index", "--add", "--cacheinfo", f"160000,{pin_id('x')},tool", cwd=tmp_path)
    for url in RELATIVE:
        (tmp_path / ".gitmodules").write_text(f'[submodule "tool"]\n\tpath = tool\n\turl = {url}\n')
        inited = run("git", "submodule", "--quiet", "init", cwd=tmp_path)
        theirs = run("git", "config", "submodule.tool.url", cwd=tmp_path).out.strip()
        run("git", "config", "--remove-section", "submodule.tool", cwd=tmp_path)
        try:
            assert (resolve(url, base), inited.code) == (theirs, 0)
        except ValueError:  # git refuses, or takes what is left for a path
            assert theirs in ("", f".:{url.rpartition('./')[2]}", url.rpartition("./")[2])


def test_another_url_stays_as_it_is() -> None:
    for url in ("https://host/x", "/srv/x", "x", "..", ".git", "a/../b"):
        assert resolve(url, "https://host/stash") == url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://host/lab/tool", "https://host/lab/tool.git/"),
        ("https://host/lab/tool.git", "git@host:lab/tool"),
        ("ssh://git@HOST/lab/tool", "host:/lab/tool.git"),
        ("https://ada:secret@host/lab/tool", "https://host/lab/tool"),
        ("/srv/stash/../tool.git", "file:///srv/tool"),
        ("/srv/tool/.git", "/srv/tool"),
    ],
)
def test_these_are_the_same(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://host/lab/tool", "https://host/ada/tool"),
        ("https://host/lab/tool", "https://other/lab/tool"),
        ("https://host:8080/lab/tool", "https://host/lab/tool"),
        ("https://host/Lab/tool", "https://host/lab/tool"),
        ("https://srv/tool", "/srv/tool"),
        ("/srv/tool", "host:/srv/tool"),
        ("https://host@evil/x", "https://host/x"),
    ],
)
def test_these_are_not(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:secret@host/x", "https://host/x"),
        ("https://secret@host:8080/x", "https://host:8080/x"),
        ("https://ada:sec@ret@host/x", "https://host/x"),
        ("https://host/x?token=secret", "https://host/x"),
        ("https://host/@lab/x", "https://host/@lab/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:secret@host:22/x", "ssh://git@host:22/x"),
        ("ssh://git@host:secret@host/x", "ssh://git@host/x"),
        ("git+ssh://git:secret@host/x", "git+ssh://git@host/x"),
        ("git@host:lab/x", "git@host:lab/x"),
        ("/srv/a@b?c", "/srv/a@b?c"),
    ],
)
def test_what_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
    told = hide_secrets(f"fatal: '{url}' is no repository, nor is https://ada:secret@elsewhere/", url)
    assert "secret" not in told
    assert told.startswith("fatal: '")


def test_a_path_has_no_colon_before_its_first_slash() -> None:
    assert all(map(is_path, ("/a:b", "./a:b", "a/b:c", "a")))
    assert not any(map(is_path, ("host:a", "https://host/a", "ext::sh", "a:/b")))
