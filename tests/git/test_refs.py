"""Snapshot tags of every kind, and the one ref that is written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import git
from stashes import (
    commit_index,
    make_stash,
)

from experimentstash.core.errors import StashError

if TYPE_CHECKING:
    pass

from reading import WHEN, blob, opened


def test_tags_of_every_kind(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    head = blob(root, "HEAD")
    git("tag", "snapshot/light", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/annotated", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/nested", "snapshot/annotated", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/deeper", "snapshot/nested", cwd=root)
    git("tag", "snapshot/tree", "HEAD^{tree}", cwd=root)
    git("tag", "-a", "-m", "x", "snapshot/blob", "HEAD:configs/meta.yaml", cwd=root)
    git("tag", "other", cwd=root)
    text = f"object {'2' * 40}\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n"
    lost = git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", cwd=root, stdin=text)
    git("update-ref", "refs/tags/snapshot/tag-of-gone", lost, cwd=root)
    folder = root / ".git/refs/tags/snapshot"
    (folder / "gone").write_text("1" * 40 + "\n")
    (folder / "rubbish").write_text("rubbish\n")
    with opened(root) as repository:
        tags = repository.tags()
    assert tags.commits == dict.fromkeys(["light", "annotated", "nested", "deeper"], head)
    assert tags.broken == {
        "tree": "it leads to no commit",
        "blob": "it leads to no commit",
        "gone": f"the object {'1' * 40} is missing",
        "tag-of-gone": f"the object {'2' * 40} is missing",
        "rubbish": "git cannot read it",
    }


def test_a_tag_called_snapshot_is_no_snapshot_tag(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", "snapshot", cwd=root)
    with opened(root) as repository:
        assert repository.tags().commits == {}
        with pytest.raises(StashError, match="a tag 'snapshot' exists where git keeps the directory") as error:
            repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert error.value.fix == "git tag -d snapshot"


def test_make_tag_writes_an_annotated_tag_as_it_was_told(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    git("config", "tag.gpgSign", "false", cwd=root)
    git("config", "core.commentChar", "S", cwd=root)
    commit_index(root, "later")
    message = "Snapshot v1\n\n# kept: a line that looks like a comment\n  mytool/pca: é\n"
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD~1"), message, WHEN)
        assert repository.tags().commits == {"v1": blob(root, "HEAD~1")}
    assert git("cat-file", "tag", "snapshot/v1", cwd=root) == (
        f"object {blob(root, 'HEAD~1')}\ntype commit\ntag snapshot/v1\n"
        f"tagger Ada Tester <ada@example.org> {int(WHEN.timestamp())} +0200\n\n{message.rstrip()}"
    )


def test_make_tag_knows_no_date_before_1970(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc))
    assert "ada@example.org> 0 +0000" in git("cat-file", "tag", "snapshot/v1", cwd=root)


@pytest.mark.parametrize("setting", ["tag.gpgSign", "tag.forceSignAnnotated"])
def test_make_tag_signs_where_the_user_signs(tmp_path: Path, setting: str) -> None:
    root = make_stash(tmp_path / "stash")
    signer = tmp_path / "signer"
    signer.write_text(
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho '-----BEGIN PGP SIGNATURE-----'\n"
    )
    signer.chmod(0o755)
    git("config", "gpg.program", signer, cwd=root)
    git("config", setting, "true", cwd=root)
    with opened(root) as repository:
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert "BEGIN PGP SIGNATURE" in git("cat-file", "tag", "snapshot/v1", cwd=root)


@pytest.mark.parametrize("taken", ["v1", "V1"])
def test_make_tag_refuses_a_name_that_is_taken(tmp_path: Path, taken: str) -> None:
    root = make_stash(tmp_path / "stash")
    git("tag", f"snapshot/{taken}", cwd=root)
    git("pack-refs", "--all", cwd=root)
    with opened(root) as repository, pytest.raises(StashError, match=f"the tag snapshot/{taken} is taken"):
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)
    assert git("tag", cwd=root) == f"snapshot/{taken}"


def test_make_tag_refuses_a_name_that_git_cannot_read(tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    (root / ".git/refs/tags/snapshot").mkdir()
    (root / ".git/refs/tags/snapshot/V1").write_text("rubbish\n")
    with opened(root) as repository, pytest.raises(StashError, match="the tag snapshot/V1 is taken"):
        repository.make_tag("v1", blob(root, "HEAD"), "x\n", WHEN)


@pytest.mark.parametrize("name", ["-d", "a b", "x..y", "a.lock", "a/b", "", "a\nb"])
def test_make_tag_refuses_what_is_no_tag(tmp_path: Path, name: str) -> None:
    root = make_stash(tmp_path / "stash")
    with opened(root) as repository, pytest.raises(StashError, match="is not a valid tag"):
        repository.make_tag(name, blob(root, "HEAD"), "x\n", WHEN)


def test_make_tag_gives_gits_own_reason(tmp_path: Path, sealed_home: Path) -> None:
    root = make_stash(tmp_path / "stash")
    head = blob(root, "HEAD")
    (sealed_home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    with opened(root) as repository, pytest.raises(StashError, match=r"(?s)git tag failed in .*user\.email"):
        repository.make_tag("v1", head, "x\n", WHEN)


@pytest.mark.parametrize("stored", ["loose", "packed"])
def test_a_few_tags_are_found_without_reading_the_others(tmp_path: Path, stored: str) -> None:
    root = make_stash(tmp_path / "stash")
    head = blob(root, "HEAD")
    names = ["a", "a.b", "b", "_odd", "\u00e9"]
    for name in names:
        git("tag", "-a", "-m", "x", f"snapshot/{name}", cwd=root)
    git("tag", "snapshot/folder/a", cwd=root)
    git("tag", "snapshot/tree", "HEAD^{tree}", cwd=root)
    if stored == "packed":
        git("pack-refs", "--all", cwd=root)
    (root / ".git/refs/tags/snapshot/rubbish").parent.mkdir(parents=True, exist_ok=True)
    (root / ".git/refs/tags/snapshot/rubbish").write_text("rubbish\n")

    def found(*among: str) -> tuple[dict[str, str], set[str]]:
        with opened(root) as repository:
            tags = repository.tags(among)
        return dict(tags.commits), set(tags.broken)

    assert found() == ({}, set())
    assert found("a", "nobody", "folder", "tree") == ({"a": head}, {"tree"})
    assert found("a", "rubbish") == ({"a": head}, {"rubbish"})
    # names that are no tags, of which git could make patterns or options, and more than a command line takes
    for odd in ("_odd", "\u00e9", "*", "-x", "", "x" * 100_000):
        assert found("a", odd)[0] == dict.fromkeys(["a", odd] if odd in names else ["a"], head)
    assert found("b", *map(str, range(100_000)))[0] == {"b": head}
