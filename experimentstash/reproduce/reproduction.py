"""A reproduction: fetches, judges, asks, builds, runs and compares."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experimentstash.core.errors import FREE_SPACE, StashError, ToolExit, first_lines, is_disk_full, report
from experimentstash.core.names import near
from experimentstash.core.urls import without_secrets
from experimentstash.git.checkouts.restore import put_back
from experimentstash.hydra.isolated_run import check_left_alone, free_folder, run_folder, run_fresh
from experimentstash.hydra.loaded_code import foreign
from experimentstash.hydra.resolved_tool import ResolvedTool
from experimentstash.reproduce import experiment_environments, trust
from experimentstash.reproduce.archive_packages import supplied
from experimentstash.reproduce.earlier_attempt import Earlier
from experimentstash.reproduce.fetch import Stage
from experimentstash.reproduce.reproduction_report import Account, Outcome
from experimentstash.reproduce.stash_source import into_another
from experimentstash.reproduce.state import Done, claim
from experimentstash.reproduce.tool_checkouts import Tools
from experimentstash.stash.stash import Stash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experimentstash.core.names import SnapshotName
    from experimentstash.hydra.isolated_run import Ran
    from experimentstash.reproduce.archive_packages import Supplies
    from experimentstash.reproduce.experiment_environments import Need, Within
    from experimentstash.reproduce.fetch import Frozen
    from experimentstash.reproduce.stash_source import Source
    from experimentstash.reproduce.state import Progress
    from experimentstash.reproduce.tool_checkouts import PinnedSubmodule
    from experimentstash.stash.results.comparison_report import Report
    from experimentstash.stash.results.comparison_rules import Rules
    from experimentstash.stash.results.manifest import Manifest
    from experimentstash.stash.tool import Tool

_log = logging.getLogger(__name__)

_MOST_BESIDE = 1000  # files


@dataclass(frozen=True)
class Request:
    """A request for a reproduction.

    Attributes:
        tag: the tag.
        experiments: `experiment` or `tool/experiment`; empty for all.
        source: the source of the stash.
        folder: the directory of the reproduction.
        checks: whether results are compared with the recorded ones.
        builds: whether environments are built; else the one at hand is taken.
        yes: the question whether the code may run is answered.
        rules: how results are compared, over what the registry says.
        limit: seconds that each run has; None for as many as it takes.
        launcher: the overrides that replace the recorded launcher of sweeps.
    """

    tag: str
    experiments: tuple[str, ...]
    source: Source
    folder: Path
    checks: bool
    builds: bool
    yes: bool
    rules: Rules
    limit: float | None = None
    launcher: tuple[str, ...] = ()


def reproduce(request: Request) -> Account | None:
    """Reproduce a tag, and return the outcome; None if the tag does not hold, after reporting the findings.

    Args:
        request: the request.

    Raises:
        StashError: it cannot be fetched or built, or the user declines; nothing of it has run.
        ToolExit: a run was stopped by a signal; run again, it goes on.
    """
    trust.check_can_ask(yes=request.yes)
    try:
        return _reproduced(request)
    except OSError as error:
        if error.filename:
            raise
        # what a full disk says of a file that is open, it says without its name
        what = f"{request.folder}: {error.strerror or error}"
        raise StashError(what, FREE_SPACE if is_disk_full(error) else "") from None


def _reproduced(request: Request) -> Account | None:
    with claim(request.folder, request.tag, request.source) as progress:
        stage = Stage(request.folder, request.tag, request.source)
        _log.info("bringing snapshot/%s to %s", request.tag, request.folder)
        commit = stage.fetch_tag()
        progress.begin_at(commit)
        earlier = Earlier(request.folder)
        pointers = stage.check_out(commit, earlier)
        frozen, problems = stage.judged(commit)
        if report(problems):
            return None
        chosen = _chosen(frozen, request)
        tools = Tools(stage.repository, request.source, progress.built, earlier)
        brought = bring_tools(tools, commit, chosen)
        lacking = trust.lfs_lines(request.folder, {".": pointers, **tools.pointers})
        work = _Work(request, Stash(request.folder), tools, progress, earlier)
        needs = _needs(request, chosen, work.stash)
        trust.ask(_told(request, commit, brought, needs) + lacking, yes=request.yes)
        with supplied(request.source.archive if request.builds else None, work.stash) as supplies:
            ready = [(one, work.within(one, supplies)) for one in needs]
        for lock in _used_again([within for _, within in ready]):
            _log.info("using the cached environment for %s", lock)
        outcomes = [work.reproduced(one, within) for one, within in ready]
        return Account(
            request.tag,
            commit,
            request.source.told,
            tuple((one.path, one.commit) for one in brought),
            (*lacking, *earlier.told(), *_unmet(request, chosen)),
            outcomes,
        )


def _chosen(frozen: Sequence[Frozen], request: Request) -> list[Frozen]:
    if not request.experiments:
        # a job that is a separate snapshot runs with its sweep, unless the user names it
        jobs = {one.name.job(number) for one in frozen for number in range(one.snapshot.jobs_apart)}
        if lost := jobs - {one.name for one in frozen}:
            raise StashError(f"{min(lost).path}: a job of a sweep is missing; the tag does not hold")
        return [one for one in frozen if one.name not in jobs]
    found: dict[str, Frozen] = {}
    for asked in request.experiments:
        fitting = [one for one in frozen if asked in (one.name.title, one.name.experiment)]
        if not fitting:
            known = near(asked, [one.name.title if "/" in asked else one.name.experiment for one in frozen])
            raise StashError(f"no experiment {asked!r} under the tag {request.tag!r}{known}")
        found.update({one.name.title: one for one in fitting})
    return list(found.values())


def bring_tools(tools: Tools, commit: str, chosen: Sequence[Frozen]) -> list[PinnedSubmodule]:
    """Bring the tools of some snapshots to disk at their pins, and return them with the submodules that they have.

    Raises:
        StashError: a pinned commit is not available, or a symlink leads out of the directory.
    """
    names = {tool for one in chosen for tool in one.snapshot.pins(one.name.tool)}
    folders = {folder for one in chosen for folder in experiment_environments.projects_in(one)}
    names |= {folder.split("/")[1] for folder in folders if folder.startswith("tools/")}
    brought = [one for wanted in tools.wanted(commit, names) for one in tools.bring_in(wanted)]
    tools.check_links()
    return brought


def _needs(request: Request, chosen: Sequence[Frozen], stash: Stash) -> list[Need]:
    """Return the environment that each needs; fails now for every error that is known before a run."""
    needs = []
    for one in chosen:
        tool = stash.tool(one.name.tool)
        ResolvedTool(stash, tool).check_there()
        wanted = experiment_environments.need(stash, one, tool)
        if request.builds:
            experiment_environments.check_can_build(wanted)
        needs.append(wanted)
    return needs


def _told(request: Request, commit: str, brought: Sequence[PinnedSubmodule], needs: Sequence[Need]) -> list[str]:
    stash = f"snapshot/{request.tag} of {request.source.told}, {trust.who(request.folder, commit)}"
    tools = [(one.path, _whence(request, one), trust.who(request.folder / one.path, one.commit)) for one in brought]
    locks = dict.fromkeys(one.lock.name for one in needs if one.lock and request.builds)
    archive = request.source.archive
    places = ["the archive"]
    if archive is None or archive.manifest.locks is None:
        places = ["the package index", *dict.fromkeys(host for one in needs for host in one.hosts)]
    return trust.lines(stash, tools, locks, places, [one.frozen.name.title for one in needs])


def _used_again(within: Sequence[Within]) -> list[str]:
    """Return the locks whose environments were cached; one that was built for the first is reported already."""
    first: dict[str, bool] = {}
    for one in within:
        if one.lock:
            first.setdefault(one.lock.name, one.was_there)
    return [lock for lock, was_there in first.items() if was_there]


def _unmet(request: Request, chosen: Sequence[Frozen]) -> list[str]:
    """Return what was typed about results and speaks of none."""
    manifests = [one.manifest for one in chosen if one.manifest]
    files = [(file.path, file.content) for manifest in manifests for file in manifest.files if file.content]
    figures = {(path, series.name) for path, content in files for series in content.series}
    return request.rules.unmet(figures) if request.checks and manifests else []


def _whence(request: Request, brought: PinnedSubmodule) -> str:
    if request.source.archive is None:
        return without_secrets(brought.url)
    return f"the archive, recorded as {without_secrets(brought.url)}" if brought.url else "the archive"


@dataclass(frozen=True)
class _Work:
    """What is done once the code of others may run.

    Attributes:
        request: what was asked for.
        stash: the checkout of the tag.
        tools: their checkouts.
        progress: how far it has come.
        earlier: takes what an earlier run left.
    """

    request: Request
    stash: Stash
    tools: Tools
    progress: Progress
    earlier: Earlier

    def within(self, wanted: Need, supplies: Supplies) -> Within:
        """Return what a snapshot runs in, built now or before."""
        request = self.request
        if not request.builds:
            tool = self.stash.tools[wanted.frozen.name.tool]
            return experiment_environments.at_hand(request.source.clone or request.folder, wanted, tool)
        within = supplies(wanted)
        self.progress.built.update(self.tools.untracked())  # nothing has run yet: the builds left it, and need it
        self.progress.keep()
        return within

    def reproduced(self, wanted: Need, within: Within) -> Outcome:
        """Run a snapshot, unless that was done, and compare what it wrote."""
        name = wanted.frozen.name
        tool = self.stash.tools[name.tool]._replace(python=str(within.python))
        resolved = ResolvedTool(self.stash, tool)
        folder = run_folder(resolved, name)
        done = self.progress.done.get(name.title)
        if done is None or done.exit_code or done.python != tool.python or not folder.is_dir():
            _log.info("running %s", name.title)
            done = self._run(wanted, resolved, folder)
        else:
            _log.info("%s ran before: %s", name.title, folder)
        ran_in = within.of_failure() if done.exit_code else within
        outcome = Outcome(name, done.exit_code, folder, ran_in, done.beside, overdue=done.overdue, foreign=done.foreign)
        if outcome.foreign and not self.request.builds:
            outcome = replace(outcome, fix=into_another(self.request.tag, without="--no-build"))
        if not self.request.checks or outcome.exit_code or outcome.foreign:
            return outcome
        if wanted.frozen.manifest is None:
            return replace(outcome, lacking=self._lacking(name))
        try:
            return replace(outcome, report=self._compared(wanted.frozen.manifest, tool, outcome))
        except StashError as error:  # report a run directory that cannot be read, and run the others
            return replace(outcome, lacking=f"its results were not compared: {error.args[0]}", fix=error.fix)

    def _lacking(self, name: SnapshotName) -> str:
        """Return why there is nothing to compare with: what a job of a sweep gave is recorded with the sweep."""
        above, _, number = name.experiment.rpartition("/")
        sweep = name._replace(experiment=above)
        if above and number.isdigit() and (self.request.folder / sweep.results_path).is_file():
            return f"its results are recorded with those of the sweep: compare {sweep.title}"
        return "there are no recorded results to compare with (snapshot --run records them)"

    def _run(self, wanted: Need, resolved: ResolvedTool, folder: Path) -> Done:
        name = wanted.frozen.name
        self.stash.inside(folder)
        check_left_alone(folder)
        self.progress.done.pop(name.title, None)
        self.progress.keep()
        if folder.exists():
            self.earlier.take(folder)  # nothing is resumed from what an earlier run left
        limit = self.request.limit
        launcher = self.request.launcher if "--multirun" in wanted.frozen.snapshot.all("HYDRA") else ()
        ran = run_fresh(resolved, name, folder, limit, launcher)
        if ran.stopped:
            raise ToolExit(ran.exit_code, f"{name.title} was stopped; run the same command to resume")
        aside = free_folder(folder.with_name(f"{folder.name}-beside"))
        moved = put_back(self.request.folder, ran.beside, aside, ran.directories, [self.request.folder / "outputs"])
        # what is kept of a run must be read again
        beside = first_lines(list(map(str, ran.beside)), _MOST_BESIDE, "and {} more files")
        beside += [f"moved to {aside}"] if moved else []
        overdue = limit or 0.0 if ran.overdue else 0.0
        done = Done(ran.exit_code, str(resolved.tool.python), tuple(beside), overdue, self._foreign(wanted, ran))
        self.progress.done[name.title] = done
        self.progress.keep()
        return done

    def _foreign(self, wanted: Need, ran: Ran) -> tuple[str, ...]:
        """Return what a run loaded that the commits of the tools do not hold; what builds left there is theirs."""
        pins = wanted.frozen.snapshot.pins(wanted.frozen.name.tool)
        built = {
            os.path.realpath(self.request.folder / place / path)
            for place, paths in self.progress.built.items()
            for path in paths
        }
        found = foreign(self.stash, pins, ran.loaded, wanted.said.projects)
        return tuple(one.ran for one in found if one.file not in built)[:_MOST_BESIDE]

    def _compared(self, manifest: Manifest, tool: Tool, outcome: Outcome) -> Report:
        from experimentstash.stash.results.compare import check

        late = [(str(self.request.folder), str(self.request.folder))]
        return check(manifest, outcome.folder, tool.results.then(self.request.rules), late)
