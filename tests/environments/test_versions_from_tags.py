"""A build that takes its version from git's tags is told the recorded one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write

from experimentstash.environments.versions_from_tags import pretended

PROJECT = '[build-system]\nrequires = [{requires}]\n[project]\nname = "My.Tool"\ndynamic = ["version"]\n'


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        ('"setuptools>=64", "setuptools_scm[toml]>=8"', {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_TOOL": "1.2"}),
        ('"hatchling", "hatch-vcs ; python_version > \'3\'"', {"SETUPTOOLS_SCM_PRETEND_VERSION": "1.2"}),
        ('"poetry-core", "poetry-dynamic-versioning>=1,<2"', {"POETRY_DYNAMIC_VERSIONING_BYPASS": "1.2"}),
        ('"pdm-backend"', {"PDM_BUILD_SCM_VERSION": "1.2"}),
        ('"setuptools", "pbr"', {"PBR_VERSION": "1.2"}),
        ('"hatchling"', {}),
        ('"no requirement!"', {}),
    ],
)
def test_the_variable_of_each_build(tmp_path: Path, requires: str, told: dict[str, str]) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT.format(requires=requires)})
    assert pretended(tmp_path, {"my-tool": "1.2", "hydra-core": "1.3"}) == told
    assert pretended(tmp_path, {"hydra-core": "1.3"}) == {}


def test_the_name_may_stand_elsewhere(tmp_path: Path) -> None:
    build = '[build-system]\nrequires = ["setuptools-scm"]\n'
    told = {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MYTOOL": "1.2"}
    write(tmp_path, {"pyproject.toml": build, "setup.cfg": "[metadata]\nname = mytool\n"})
    assert pretended(tmp_path, {"mytool": "1.2"}) == told
    write(tmp_path, {"pyproject.toml": f'{build}[tool.poetry]\nname = "mytool"\n', "setup.cfg": "no section"})
    assert pretended(tmp_path, {"mytool": "1.2"}) == told
    write(tmp_path, {"pyproject.toml": "no TOML"})
    assert pretended(tmp_path, {"mytool": "1.2"}) == {}
