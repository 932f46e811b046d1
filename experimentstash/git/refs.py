"""The refs: snapshot tags, peeled to their commits, branch heads, and the one ref that is written.

Git lists them. Dulwich leaves out an empty ref without a word, gives `rubbish` as an id, and sees no reftable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from experimentstash.core.errors import StashError, quote
from experimentstash.core.names import TAG_DIRECTORY, TAG_PREFIX, check_tag, tag_complaint, tag_ref
from experimentstash.git.user_git import git

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from experimentstash.git.location import GitLocation
    from experimentstash.git.objects import Objects

_UNABLE_TO_SIGN = re.compile(r"(?i)failed to sign|unable to sign")
_UNSIGNED = (
    "GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=tag.gpgSign GIT_CONFIG_VALUE_0=false"
    " GIT_CONFIG_KEY_1=tag.forceSignAnnotated GIT_CONFIG_VALUE_1=false"
)
_FEW = 100


class Tags(NamedTuple):
    """The refs `refs/tags/snapshot/*`.

    Attributes:
        commits: the commit of each tag, however it was tagged (light, annotated, a tag of a tag).
        broken: the tags that lead to no commit, and why.
        remote: the name of the remote that has them; empty if there is none.
    """

    commits: Mapping[str, str]
    broken: Mapping[str, str]
    remote: str = ""


def tags(place: GitLocation, objects: Objects, among: Collection[str] | None = None) -> Tags:
    """Return the snapshot tags.

    Args:
        place: the repository.
        objects: its objects.
        among: only these, if they exist; by default all.

    Raises:
        StashError: git cannot list them, or cannot fetch what a partial clone lacks.
    """
    if among is not None and not among:
        return Tags({}, {})
    listed, broken = _listed(place, *([TAG_DIRECTORY] if among is None or not _are_few(among) else map(tag_ref, among)))
    listed.pop(TAG_DIRECTORY, None)  # a tag called `snapshot`; `check_free` tells of it
    named = {ref.removeprefix(TAG_PREFIX): target for ref, target in listed.items()}
    if among is not None:
        named = {tag: target for tag, target in named.items() if tag in among}
    commits, none = objects.peel(dict.fromkeys(named.values()))
    return Tags(
        {tag: commits[target] for tag, target in named.items() if target in commits},
        lost := {**broken, **{tag: none[target] for tag, target in named.items() if target in none}},
        _remote(place) if lost else "",
    )


def _remote(place: GitLocation) -> str:
    """Return the remote for the tags: `origin`, or the first one; empty if there is none."""
    names = place.lines("remote")
    return "origin" if "origin" in names else next(iter(names), "")


def _are_few(tags: Collection[str]) -> bool:
    """Return whether these refs are few enough for git's command line, so that git need not read all refs."""
    return len(tags) <= _FEW and not any(map(tag_complaint, tags))


def _listed(place: GitLocation, *refs: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the objects of these refs and of refs below them, and the tags that git cannot read."""
    answer = place.ask("for-each-ref", "--format=%(objectname) %(refname)", *refs)
    told = answer.stderr.decode("utf-8", "surrogateescape")
    if answer.returncode != 0:
        raise StashError(f"{place.root}: git cannot list the tags: {told.strip()}", "git fsck")
    # a ref that cannot be read is left out of the list with a warning (git 2.39); it must not read as no tag
    broken = dict.fromkeys(re.findall(rf"{TAG_PREFIX}([^\x00-\x20]+)", told), "git cannot read it")
    # a name may contain characters at which `splitlines` splits
    lines = answer.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
    return {ref: target for target, _, ref in (line.partition(" ") for line in lines)}, broken


def heads(place: GitLocation) -> dict[str, str]:
    """Return the commit of each branch."""
    listed = place.lines("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
    return {name: commit for commit, _, name in (line.partition(" ") for line in listed)}


def head(place: GitLocation) -> list[str]:
    """Return the commit that is checked out and its parents, or nothing before the first commit.

    Raises:
        StashError: `HEAD` names no commit that is here, or a branch that cannot be read.
    """
    answer = place.ask("rev-list", "--parents", "--max-count=1", "HEAD", "--")
    if answer.returncode == 0 and answer.stdout:
        return answer.stdout.decode().split()
    if (named := place.ask("rev-parse", "--verify", "--quiet", "HEAD")).returncode == 0:
        name = named.stdout.decode().strip()
        raise StashError(f"{place.root}: HEAD names {name}, which is missing or not a commit", "git fetch --refetch")
    # of a branch that cannot be read there is a warning only, and it is not one without a commit
    branch = place.ask("symbolic-ref", "--quiet", "HEAD").stdout.decode("utf-8", "surrogateescape").strip()
    told = place.ask("for-each-ref", branch or "refs/heads")
    if (said := told.stderr.decode("utf-8", "surrogateescape").strip()) or told.returncode != 0:
        broken = re.search(r"broken ref (\S+)", said)
        raise StashError(f"{place.root}: git cannot read HEAD: {said}", _rewritten(broken[1]) if broken else "git fsck")
    return []


def _rewritten(branch: str) -> str:
    """Return the command that lets a branch whose file is damaged name the commit that it named last."""
    ref = quote(branch)
    last = f'last="$(tail -n 1 "$(git rev-parse --git-path logs/{ref})" | cut -d " " -f 2)"'  # gone with the ref
    away = f"git symbolic-ref {ref} refs/broken && git symbolic-ref -d {ref}"  # git deletes no broken ref, but any link
    return f'{last} && {away} && git update-ref {ref} "$last"'


def check_free(place: GitLocation, tag: str) -> None:
    """Check that the tag is a valid name, that it does not exist, and that git can create it.

    Raises:
        StashError: the name is none or is taken, also in another case of letters (a file system may know no
            difference), or a tag `snapshot` is in place of the directory.
    """
    check_tag(tag)
    listed, broken = _listed(place, TAG_DIRECTORY)
    for ref in [*listed, *map(tag_ref, broken)]:
        if ref == TAG_DIRECTORY:
            raise StashError("a tag 'snapshot' exists where git keeps the directory of the tags", "git tag -d snapshot")
        if ref.casefold() == tag_ref(tag).casefold():
            taken = ref.removeprefix("refs/tags/")
            raise StashError(f"the tag {taken} is taken", "choose another tag: a tag never moves")


def make_tag(place: GitLocation, tag: str, commit: str, message: str, when: dt.datetime) -> None:
    """Make the annotated tag `snapshot/<tag>`.

    Args:
        place: the repository.
        tag: the tag, without its directory.
        commit: the full id of its freeze commit.
        message: the text of the tag object; taken as it is.
        when: the date of the tag object.

    Raises:
        StashError: the tag is not free (`check_free`), or git refuses (no name, no key).
    """
    check_free(place, tag)
    write_tag(tag, commit, message, when, place.root, place.env)


def retry(error: StashError, again: str) -> str:
    """Return the command that makes a tag which git refused; where git could not sign it, without a signature.

    Args:
        error: why git refused.
        again: the command that made it.
    """
    if error.fix:
        return error.fix
    if _UNABLE_TO_SIGN.search(str(error.args[0])):
        return f"{_UNSIGNED} {again}  # without a signature; or run it as it is once git can sign"
    return f"{again}  # once what git says is mended"


def message(place: GitLocation, tag: str) -> str | None:
    """Return the text of an annotated tag without its signature, or None if it is a light one."""
    wanted = "--format=%(objecttype)%00%(contents:signature)%00%(contents)"
    kind, signature, text = "\n".join(place.lines("for-each-ref", wanted, tag_ref(tag))).split("\0")
    return text.removesuffix(signature).rstrip("\n") + "\n" if kind == "tag" else None


def move_tag(place: GitLocation, tag: str, old: str, commit: str, message: str, when: dt.datetime) -> None:
    """Move an unpublished tag to another commit; its object is written again, as `make_tag` does.

    Raises:
        StashError: the tag names another commit than `old` by now, or git refuses.
    """
    if place.lines("rev-parse", "--verify", f"{tag_ref(tag)}^{{commit}}") != [old]:
        raise StashError(f"the tag snapshot/{tag} has changed in the meantime", "experimentstash tag")
    write_tag(tag, commit, message, when, place.root, place.env, "--force")


def write_tag(
    tag: str, commit: str, message: str, when: dt.datetime, folder: Path, env: Mapping[str, str], *options: str
) -> None:
    """Make the tag through the user's git, signed where the user signs tags.

    Args:
        tag: the tag, without its directory.
        commit: the full id of its freeze commit.
        message: the text of the tag object; taken as it is.
        when: the date of the tag object.
        folder: the directory to run git in.
        env: the environment that git is started in.
        options: further options of `git tag`.

    Raises:
        StashError: git refuses.
    """
    seconds = max(int(when.timestamp()), 0)  # git knows no date before 1970
    offset = when.strftime("%z")[:5] or "+0000"
    # no -a: with it, git would not look at the user's tag.forceSignAnnotated
    asked = ("tag", *options, "--cleanup=verbatim", "-F", "-", tag_ref(tag).removeprefix("refs/tags/"), commit)
    dated = {**env, "GIT_COMMITTER_DATE": f"@{seconds} {offset}"}
    git(*asked, cwd=folder, env=dated, stdin=message.encode("utf-8", "surrogateescape"))
