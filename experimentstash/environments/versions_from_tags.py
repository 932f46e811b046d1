"""Versions that a build takes from git's tags: told to it as they were recorded, whatever tags there are now."""

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
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",  # it does not tell setuptools-scm whose version it asks for
    "flit-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}",
    "vcs-versioning": "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "pdm-backend": "PDM_BUILD_SCM_VERSION",
    "pbr": "PBR_VERSION",
}
"""What a build asks for, and the variable that says the version to it (the documentation of each)."""


def pretended(project: Path, recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that have a build give the version that was recorded.

    Args:
        project: the directory of a package.
        recorded: the version of each package that a snapshot names, by normal name.
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
    except (OSError, StashError):  # its own build says what is wrong with it
        return {}


def _name(project: Path, declared: Mapping[str, object]) -> str:
    """Return what a package calls itself in its `pyproject.toml` or `setup.cfg`; empty if only its build knows."""
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
