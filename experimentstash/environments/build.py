"""Builds environments from locks, one for each lock, Python and platform."""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from experimentstash.core.files import write_text
from experimentstash.environments.build_request import BuildRequest, Supply, fail, run
from experimentstash.environments.build_tools import helper
from experimentstash.environments.environment_cache import make_whole
from experimentstash.environments.formats.base import BuildContext, Plan
from experimentstash.environments.installers import Step, Word, filler, find_uv
from experimentstash.environments.interpreters import find_python
from experimentstash.environments.overlay import project_steps, put_on_top

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from experimentstash.environments.packages import Python

_log = logging.getLogger(__name__)

_FORMAT = "1"
"""Part of every key: changing it invalidates all environments built earlier."""


@dataclass(frozen=True)
class Built:
    """A built environment.

    Attributes:
        interpreter: its Python.
        told: the differences from what was recorded, one sentence each.
        was_there: whether an earlier build is reused.
        python: its base Python; None if the lock specifies it.
    """

    interpreter: Path
    told: tuple[str, ...]
    was_there: bool
    python: Python | None = None


@dataclass(frozen=True)
class Shared:
    """An environment that several reproductions can share.

    Attributes:
        environment: its directory.
        python: its base Python; None if the lock specifies it.
        uv: uv, if it exists.
        projects: the directories of the checkout to install on top of it.
        was_there: whether an earlier build is reused.
    """

    environment: Path
    python: Python | None
    uv: Path | None
    projects: tuple[Path, ...]
    was_there: bool


def build(order: BuildRequest) -> Built:
    """Return an environment with the packages of the lock and the code of the checkout.

    Writes nothing into the checkout except the files of a build of its own package (`*.egg-info`).
    Building runs code: the builds of packages without a wheel, and of the tool itself.

    Args:
        order: the build request.

    Raises:
        StashError: the lock cannot be used, the Python or a package is not available, or an installer failed.
        KeyboardInterrupt: interrupted; no partial build is left, and a repeated call continues.
    """
    shared = build_shared(order)
    python = shared.python
    inside = shared.environment / "bin" / "python"
    if shared.projects:
        inside = put_on_top(order, shared.projects, shared.environment, python.path if python else None, shared.uv)
    return Built(inside, _differences(order, python), shared.was_there, python)


def build_shared(order: BuildRequest) -> Shared:
    """Return an environment with the packages of the lock, without the code of any checkout.

    Raises:
        StashError: as `build` does.
    """
    uv, python, plan = _prepared(order)
    environment, was_there = _make(order, plan, python)
    return Shared(environment, python, uv, plan.projects, was_there)


def build_at(order: BuildRequest, place: Path) -> None:
    """Build an environment at an unused path, with the code of the checkout installed as editable.

    Args:
        order: the build request.
        place: the directory of the environment; after an error, it does not exist.

    Raises:
        StashError: as `build` does.
    """
    uv, python, plan = _prepared(order)
    try:
        run(order, plan.steps(place), order.own)
        if plan.projects:
            fill = filler(python.path if python else place / "bin" / "python", uv)
            run(order, project_steps(order, plan.projects, fill.install(place)), order.own)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _prepared(order: BuildRequest) -> tuple[Path | None, Python | None, Plan]:
    """Return uv, the Python of the environment (None if the lock installs it), and the build plan."""
    lock = order.lock
    lock.check()
    uv = find_uv()
    if uv is None and lock.needs_uv and order.supply is None:
        uv = helper(order, "uv", None)
    python = None if lock.brings_python else find_python(order.python, lock.folder, uv)
    return uv, python, _plan(order, uv, python)


def _plan(order: BuildRequest, uv: Path | None, python: Python | None) -> Plan:
    if order.supply and python:
        return _plan_supply(order.supply, uv, python)
    return order.lock.plan(
        BuildContext(
            title=order.title,
            python=python,
            uv=uv,
            cache=order.cache,
            projects=order.projects,
            wheels_only=order.wheels_only,
            fetch=partial(helper, order, uv=uv),
            fail=partial(fail, order, place=order.own),
        )
    )


def _plan_supply(supply: Supply, uv: Path | None, python: Python) -> Plan:
    """Plan an environment from exactly these local packages, for every lock format."""

    def steps(folder: Path) -> list[Step]:
        fill = filler(python.path, uv)
        source = folder.parent / "requirements.txt"
        write_text(source, "".join(f"{line}\n" for line in supply.lines))
        flags = ["--no-deps", "--require-hashes", *supply.flags(uv=uv is not None)]
        install: list[Word] = [*fill.install(folder), *flags, "-r", source]
        return [fill.make(folder), *([Step(install, folder.parent)] if supply.lines else [])]

    return Plan(("supply", *supply.lines, "", *supply.digests), steps, supply.projects)


def _make(order: BuildRequest, plan: Plan, python: Python | None) -> tuple[Path, bool]:
    told = "" if python is None else f" with Python {python.version}"
    decides = plan.decides if plan.is_shared else (*plan.decides, str(order.lock.folder))
    key = environment_key(order.lock.kind, python, decides, wheels_only=order.wheels_only)
    place = order.cache / "environments" / key if plan.is_shared else order.own / key

    def make(folder: Path) -> None:
        _log.info("building the environment of %s%s", order.lock.name, told)
        run(order, plan.steps(folder), place)

    facts = {
        "lock": order.lock.name,
        "sha256": order.lock.sha256,
        "python": python.version if python else "",
        "for": order.title,
    }
    return make_whole(place, facts, make)


def environment_key(kind: str, python: Python | None, decides: Sequence[bytes | str], *, wheels_only: bool) -> str:
    """Return the name of an environment: the digest of all inputs of its build.

    Args:
        kind: the lock's format.
        python: its base Python, at any path; None if the lock specifies it.
        decides: the texts of the plan.
        wheels_only: whether packages that are built from source are refused.
    """
    own = (python.implementation, python.version, python.abi, python.platform, python.libc) if python else ()
    digest = hashlib.sha256()
    for part in (_FORMAT, kind, str(wheels_only), *own, *decides):
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(b"%d:%s" % (len(data), data))
    return digest.hexdigest()[:32]


def _differences(order: BuildRequest, python: Python | None) -> tuple[str, ...]:
    if python is None or order.python is None or python.version == order.python.version:
        return ()
    return (f"built with Python {python.version}; {order.python.version} was recorded",)
