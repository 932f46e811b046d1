"""The current state of a stash: its tools, tags and hooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experimentstash.core.errors import Problem, StashError, command
from experimentstash.core.names import SHORT, tool_path
from experimentstash.git.checkouts.changes import changes
from experimentstash.git.checkouts.checked_out import update_submodule
from experimentstash.git.checkouts.pins import pin_moves
from experimentstash.git.checkouts.tool_commit import checked_out
from experimentstash.history.catalog import Catalog
from experimentstash.hooks.install.diagnosis import diagnose
from experimentstash.hooks.install.locations import locations_of
from experimentstash.stash.stash import Stash
from experimentstash.verify.published import unpublished
from experimentstash.verify.tag_findings import findings_by_tag, missing_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experimentstash.git.repository import Repository
    from experimentstash.history.catalog import TagRecord
    from experimentstash.hydra.copied_configs import CopiedConfig
    from experimentstash.stash.tool import Tool


@dataclass(frozen=True)
class ToolState:
    """A tool's checkout.

    Attributes:
        name: the tool.
        pin: the full id of the commit that HEAD pins; empty if it pins none.
        commit: the full id of the commit that is checked out; empty if none is.
        standing: the checkout compared with the pin: `at the pin`, `2 ahead`, `not checked out`.
        changes: the files that differ from the commit, including files that git hides.
        copies: the experiments that both the stash and the tool have.
        fix: the command that checks out the pin; empty if it is checked out.
    """

    name: str
    pin: str
    commit: str
    standing: str
    changes: tuple[str, ...] = ()
    copies: tuple[CopiedConfig, ...] = ()
    fix: str = ""

    @property
    def differing_copies(self) -> list[CopiedConfig]:
        """The copied experiments that differ from the pinned commit."""
        return [copy for copy in self.copies if copy.state.value != "same"]

    def as_json(self) -> dict[str, Any]:
        """Return it as `status --json` prints it."""
        return {
            "tool": self.name,
            "pin": self.pin or None,
            "commit": self.commit or None,
            "checkout": self.standing,
            "changes": list(self.changes),
            "configs": [{"experiment": copy.experiment, "state": copy.state.value} for copy in self.copies],
            "fix": self.fix or None,
        }


@dataclass(frozen=True)
class TagState:
    """A tag and the result of its check.

    Attributes:
        record: the tag.
        problems: its findings.
        is_on_branch: whether the freeze commit is in the history of HEAD; None if unknown.
        is_published: whether a remote has it: by its branches when last fetched or, if the remotes were
            asked, by the tag itself; None if no remote exists or answers.
    """

    record: TagRecord
    problems: tuple[Problem, ...]
    is_on_branch: bool | None
    is_published: bool | None

    @property
    def holds(self) -> bool:
        """Whether it has its git tag and no findings."""
        return self.record.commit is not None and not self.problems

    def as_json(self) -> dict[str, Any]:
        """Return it as `status --json` prints it."""
        return {
            "tag": self.record.tag,
            "commit": self.record.commit,
            "experiments": [name.title for name in self.record.names],
            "holds": self.holds,
            "problems": [problem.as_json() for problem in self.problems],
            "on_branch": self.is_on_branch,
            "published": self.is_published,
        }


@dataclass(frozen=True)
class Overview:
    """The state of a stash.

    Attributes:
        head: the full id of the commit that is checked out, or None before the first one.
        branch: the branch; empty if HEAD is detached.
        tools: the tools, by name.
        tags: the tags, oldest first.
        hooks: the problems of the hooks.
        problems: other findings: a registry or an index that cannot be read.
    """

    head: str | None
    branch: str
    tools: tuple[ToolState, ...]
    tags: tuple[TagState, ...]
    hooks: tuple[Problem, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def snapshots(self) -> int:
        """The number of snapshots."""
        return sum(len(state.record.names) for state in self.tags)

    def as_json(self) -> dict[str, Any]:
        """Return it as `status --json` prints it."""
        return {
            "head": self.head,
            "branch": self.branch or None,
            "tools": [tool.as_json() for tool in self.tools],
            "tags": [tag.as_json() for tag in self.tags],
            "hooks": [problem.as_json() for problem in self.hooks],
            "problems": [problem.as_json() for problem in self.problems],
        }


def overview(repository: Repository, *, online: bool = False) -> Overview:
    """Return the state of a stash. An unreadable tool or tag is reported, and the others are read.

    Args:
        repository: the stash, not a bare one.
        online: ask the remotes for the tags, and the tools' remotes for the commits in snapshots.

    Raises:
        StashError: HEAD or the tags of the repository cannot be read.
    """
    problems: list[Problem] = []
    head = repository.head()
    pins = repository.tree(head, "").pins if head else {}
    stash = Stash(repository.root)
    try:
        tools = stash.tools
    except StashError as error:
        tools = {}
        problems.append(Problem("configs/meta.yaml", "registry", str(error.args[0]), error.fix))
    names = sorted({*tools, *pins})
    states = [tool_state(stash, name, tools.get(name), pins.get(name, "")) for name in names]
    tags, others = _tag_states(repository, head, online=online)
    hooks = diagnose(locations_of(repository.root), starts_python=False)
    return Overview(head, repository.branch(), tuple(states), tuple(tags), tuple(hooks), (*problems, *others))


def tool_state(stash: Stash, name: str, tool: Tool | None, pin: str) -> ToolState:
    """Return the state of a tool.

    Args:
        stash: the stash.
        name: its name.
        tool: its entry in the registry, or None if that has none.
        pin: the full id of the commit that HEAD pins; empty if it pins none.
    """
    try:
        commit = checked_out(stash, name)
    except StashError as error:
        return ToolState(name, pin, "", str(error.args[0]).removeprefix(f"{tool_path(name)}: "), fix=error.fix)
    if tool is None:
        return ToolState(name, pin, commit, "not registered", fix=command("experimentstash", "add-tool", name, "URL"))
    try:
        standing, fix = _standing(stash, name, pin, commit)
        changed = tuple(map(str, changes(stash.checkout(name))))
        return ToolState(name, pin, commit, standing, changed, _copies(stash, tool, pin), fix)
    except StashError as error:
        return ToolState(name, pin, commit, str(error.args[0]), fix=error.fix)


def _copies(stash: Stash, tool: Tool, pin: str) -> tuple[CopiedConfig, ...]:
    from experimentstash.hydra.copied_configs import copied_configs  # both read the tool's source
    from experimentstash.hydra.resolved_tool import ResolvedTool

    return tuple(copied_configs(ResolvedTool(stash, tool), pin)) if pin else ()


def _standing(stash: Stash, name: str, pin: str, commit: str) -> tuple[str, str]:
    """Compare a checkout with the pin; return the result, and the command that checks out the pin."""
    if not pin:
        return "not committed yet", command("git", "add", tool_path(name))
    if commit == pin:
        return "at the pin", ""
    back = update_submodule(stash, name)
    (move,) = pin_moves(stash, {name: commit})
    if move.left_out is None or move.added is None:
        return "its repository lacks the pin", f"{command('git', '-C', tool_path(name), 'fetch')} && {back}"
    parts = [f"{move.added:,} ahead"] if move.added else []
    parts += [f"{move.left_out:,} behind"] if move.left_out else []
    return ", ".join(parts), back


def _tag_states(
    repository: Repository, head: str | None, *, online: bool
) -> tuple[list[TagState], tuple[Problem, ...]]:
    findings = findings_by_tag(repository)
    catalog = Catalog(repository, findings.headers)
    commits = [record.commit for record in catalog.records.values() if record.commit]
    elsewhere = _without(repository, commits, [head]) if head else None
    unseen = _without(repository, commits, ["--remotes"]) if repository.remembered() else None
    published = _published(repository, catalog) if online else {}
    found = []
    for tag, record in catalog.records.items():
        problems = findings.problems.get(tag, ())
        if record.complaint and not problems:
            problems = (Problem(f"refs/tags/snapshot/{tag}", "tag", record.complaint, "git fsck"),)
        if record.commit is None and not problems:
            problems = (missing_tag(tag),)
        is_seen = None if unseen is None else record.commit is not None and record.commit not in unseen
        is_here = None if elsewhere is None else record.commit is not None and record.commit not in elsewhere
        found.append(TagState(record, problems, is_here, published.get(tag) if online else is_seen))
    tagless = findings.problems.keys() - catalog.records.keys()
    extra = [problem for tag, problems in findings.problems.items() if tag in tagless for problem in problems]
    extra += _unpublished(repository) if online else []
    return found, tuple(extra)


def _without(repository: Repository, commits: Sequence[str], others: Sequence[str]) -> set[str] | None:
    """Return the commits that are not in the history of others, or None if git cannot tell."""
    try:
        return set(repository.reachable(list(dict.fromkeys(commits)), others))
    except StashError:
        return None


def _published(repository: Repository, catalog: Catalog) -> dict[str, bool | None]:
    """Return whether the remotes have each tag, by asking them; None if one does not answer."""
    answers = [repository.tags_at(remote) for remote in repository.remote_names()]
    there = {tag for answer in answers if answer is not None for tag in answer}
    unknown = None if not answers or None in answers else False
    return {tag: tag in there or unknown for tag in catalog.records}


def _unpublished(repository: Repository) -> list[Problem]:
    from experimentstash.verify.examination import judge_all

    return unpublished(repository, judge_all(repository).recorded, online=True)


def summary(state: Overview) -> str:
    """Return a summary in one line."""
    where = f"on {state.branch}" if state.branch else "HEAD is detached"
    at = f" at {state.head[:SHORT]}" if state.head else ", before the first commit"
    broken = sum(not tag.holds for tag in state.tags)
    held = "all hold" if not broken else f"{broken:,} {'does' if broken == 1 else 'do'} not hold"
    tags = f"{len(state.tags):,} tag{'' if len(state.tags) == 1 else 's'}"
    return f"{where}{at}: {state.snapshots:,} snapshots under {tags}{f', {held}' if state.tags else ''}"
