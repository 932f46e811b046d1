"""Gives a build the recorded version of a package, instead of one from git's tags."""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.environments.packages import normal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VARIABLES = {
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",  # it does not give setuptools-scm the package name
    "flit-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}",
    "vcs-versioning": "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "pbr": "PBR_VERSION",
}
"""A build requirement, and the variable that sets its version (from its documentation)."""


def pretended(project: Path, recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make a build use the recorded version.

    Args:
        project: the directory of a package.
        recorded: the version of each package that a snapshot records, by normal name.
    """
    declared = _declared(project)
    name = _name(project, declared)
    version = recorded.get(normal(name)) if name else None
    if version is None:
        return {}
    words = {"name": re.sub(r"[-_.]+", "_", name).upper()}
    asked = [normal(_requirement(line)) for line in toml_text.table(declared, "build-system").get("requires", ())]
    return {_VARIABLES[one].format(**words): version for one in asked if one in _VARIABLES}


def _declared(project: Path) -> Mapping[str, object]:
    try:
        return toml_text.parse((project / "pyproject.toml").read_bytes(), "pyproject.toml")
    except (OSError, StashError):  # its own build will report the error
        return {}


def _name(project: Path, declared: Mapping[str, object]) -> str:
    """Return the name of a package from its `pyproject.toml` or `setup.cfg`; empty if only its build knows it."""
    own = toml_text.text(declared, "project", "name") or toml_text.text(declared, "tool", "poetry", "name")
    parser = configparser.RawConfigParser()
    try:
        parser.read(project / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return own
    return own or parser.get("metadata", "name", fallback="")


def _requirement(line: object) -> str:
    try:
        return Requirement(str(line)).name
    except InvalidRequirement:
        return ""
