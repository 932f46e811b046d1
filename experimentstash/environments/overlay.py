"""Installs the code of one checkout on top of a shared environment."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from experimentstash.core.errors import StashError
from experimentstash.core.files import write_text
from experimentstash.environments.build_request import BuildRequest, run
from experimentstash.environments.environment_cache import make_whole
from experimentstash.environments.installers import Step, Word, filler
from experimentstash.environments.versions_from_tags import pretended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

_DECLARING = ("pyproject.toml", "setup.cfg", "setup.py")


def put_on_top(
    order: BuildRequest, projects: Sequence[Path], environment: Path, base: Path | None, uv: Path | None
) -> Path:
    """Return the Python of a thin environment for this reproduction, which also sees the packages of the shared one.

    The projects are installed in it as editable: the checkout itself runs, whatever its layout, with its
    metadata, entry points and console scripts. The shared environment is not changed.

    Args:
        order: the build request.
        projects: the directories to install.
        environment: the shared environment.
        base: its base Python; None if it has none (conda).
        uv: uv, if it exists; else venv and pip do it.

    Raises:
        StashError: a directory declares no package, or its build failed.
    """
    _check_declared(order, projects)
    inside = environment / "bin" / "python"
    told = {project: pretended(project, order.versions) for project in projects}
    place = order.own / _key(environment, told)

    def make(folder: Path) -> None:
        names = ", ".join(project.name for project in projects)
        _log.info("installing %s from the checkout", names)
        fill = filler(base or inside, uv)
        run(order, [fill.make(folder)], place)
        _let_see(folder, environment)
        flags = order.supply.flags(uv=uv is not None) if order.supply else []
        run(order, project_steps(order, projects, [*fill.install(folder), *flags]), place)

    facts = {"environment": str(environment), "for": order.title}
    return make_whole(place, facts, make)[0] / "bin" / "python"


def project_steps(order: BuildRequest, projects: Sequence[Path], install: Sequence[Word]) -> list[Step]:
    """Return the steps that install directories of a checkout as editable, without their dependencies.

    Args:
        order: the build request.
        projects: the directories.
        install: the start of the command that installs into the environment.

    Raises:
        StashError: a directory declares no package.
    """
    _check_declared(order, projects)
    env = {project: pretended(project, order.versions) for project in projects}
    words = [*install, "--no-deps"]
    return [Step([*words, *_as_it_lies(project)], _folder(project), env[project]) for project in projects]


def _check_declared(order: BuildRequest, projects: Sequence[Path]) -> None:
    if missing := [project for project in projects if not project.is_file() and not _declared(project)]:
        raise StashError(f"{order.title}: {missing[0]}: no pyproject.toml or setup.py to install it with")


def _declared(project: Path) -> list[Path]:
    return [file for name in _DECLARING if (file := project / name).is_file()]


def _as_it_lies(project: Path) -> list[Word]:
    return [project] if project.is_file() else ["-e", project]


def _folder(project: Path) -> Path:
    return project.parent if project.is_file() else project


def _key(environment: Path, projects: Mapping[Path, Mapping[str, str]]) -> str:
    """Return the digest of its inputs, without the code: editable code needs no new environment when it changes."""
    digest = hashlib.sha256(str(environment).encode("utf-8", "surrogateescape"))
    for project, env in projects.items():
        files = [project] if project.is_file() else _declared(project)
        for part in (
            str((project, sorted(env.items()))).encode("utf-8", "surrogateescape"),
            *(file.read_bytes() for file in files),
        ):
            digest.update(b"%d:%s" % (len(part), part))
    return digest.hexdigest()[:32]


def _let_see(folder: Path, environment: Path) -> None:
    """Put the packages of an environment on the path of another, and apply their `.pth` files."""
    own, shared = (next(place.glob("lib/*/site-packages")) for place in (folder, environment))
    write_text(own / "experimentstash.pth", f"import site; site.addsitedir({str(shared)!r})\n")
