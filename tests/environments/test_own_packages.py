"""What only ExperimentStash needs does not land in a tool's lock because both were installed into one environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import commit

from experimentstash.environments.own_packages import only_ours
from experimentstash.environments.packages import Described, Package, Python, describe
from experimentstash.environments.recorded_lock import record

PYTHON = Python(Path("/p"), Path("/p"), "3.11.7", "cpython", "abi", "linux-x86_64", "glibc 2.36")


def environment(*more: Package) -> Described:
    packages = (
        Package(
            "experimentstash", "1", requires=("click>=8", "dulwich", "ruamel.yaml", 'hydra-core ; extra == "demo"')
        ),
        Package("click", "8", modules=("click",)),
        Package("dulwich", "1", requires=("urllib3",), modules=("dulwich",)),
        Package("urllib3", "2", modules=("urllib3",)),
        Package("ruamel.yaml", "0.18", modules=("ruamel",)),
        Package("hydra-core", "1.3.2", requires=("omegaconf",)),
        Package("omegaconf", "2.3.0", requires=("PyYAML", 'click ; extra == "cli"')),
        Package("PyYAML", "6"),
        *more,
    )
    return Described(PYTHON, {package.key: package for package in packages})


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"main.py": "import hydra\n"}, "click dulwich ruamel-yaml urllib3"),
        ({"main.py": "def main():\n    from click.testing import CliRunner\n"}, "dulwich ruamel-yaml urllib3"),
        ({"main.py": "import os, click\n"}, "dulwich ruamel-yaml urllib3"),
        ({"main.py": "import clicker\n"}, "click dulwich ruamel-yaml urllib3"),
        ({"conf/a.yaml": "x:\n  _target_: click.echo\n"}, "dulwich ruamel-yaml urllib3"),
        ({"requirements.txt": "Dulwich>=0.2\n"}, "click ruamel-yaml"),
        ({"pyproject.toml": '[project]\ndependencies = ["ruamel-yaml"]\n'}, "click dulwich urllib3"),
    ],
)
def test_what_the_tool_declares_or_imports_is_its_own(tmp_path: Path, files: dict[str, str], left: str) -> None:
    commit(tmp_path / "tool", files, "a tool")
    assert sorted(only_ours(environment(), [tmp_path / "tool"])) == left.split()


def test_what_another_package_asks_for_stays(tmp_path: Path) -> None:
    commit(tmp_path / "tool", {"main.py": ""}, "a tool")
    asking = Package("wandb", "1", requires=("click", "omegaconf[cli]", 'urllib3 ; extra == "aws"'))
    found = environment(asking)
    assert sorted(only_ours(found, [tmp_path / "tool"])) == ["dulwich", "ruamel-yaml", "urllib3"]
    alone = Described(PYTHON, {name: one for name, one in found.packages.items() if name != "experimentstash"})
    assert only_ours(alone, [tmp_path / "tool"]) == frozenset()


def test_they_are_named_in_the_lock_and_told(tmp_path: Path) -> None:
    commit(tmp_path / "tools/mytool", {"main.py": ""}, "a tool")
    found = environment()
    made = record(found, tmp_path, "mytool", only_ours(found, [tmp_path / "tools/mytool"]))
    assert "# LEFT_OUT: click==8, which experimentstash alone needs\n" in made.text
    assert made.text.endswith("\nhydra-core==1.3.2\nomegaconf==2.3.0\npyyaml==6\n")
    assert made.told == ("left out of the lock, needed by experimentstash alone: click, dulwich, ruamel.yaml, urllib3",)


def test_a_real_environment_says_what_its_packages_ask_for() -> None:
    packages = describe(Path(sys.executable)).packages
    assert any(line.startswith("dulwich") for line in packages["experimentstash"].requires)
    assert packages["click"].modules == ("click",)
    assert "yaml" in packages["pyyaml"].modules
