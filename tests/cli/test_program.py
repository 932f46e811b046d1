"""The console scripts: every command is listed and helps, usage errors are 2, faults are 3, and little is loaded."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from conftest import BIN, Ran, estash, run
from stashes import healthy

from experimentstash import __version__
from experimentstash.cli import commands
from experimentstash.cli.program import COMMANDS

HEAVY = ("dulwich.porcelain", "dulwich.repo", "hydra", "omegaconf", "urllib3")
"""What takes 40 ms or more to load, each."""
LOADED = """\
import sys
from experimentstash.cli.program import main
try:
    main()
finally:
    print("LOADED", *(name for name in {names} if name in sys.modules), file=sys.stderr)
"""


def python(code: str, *args: str, cwd: Path) -> Ran:
    """Run Python code in a process of its own."""
    return run(sys.executable, "-c", code, *args, cwd=cwd)


def test_help_lists_every_command(tmp_path: Path) -> None:
    ran = estash("--help", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    listed = re.findall(r"(?m)^  ([a-z-]+) {2,}(.*)$", ran.out.partition("Commands:")[2])
    assert dict(listed) == COMMANDS


def test_every_command_has_a_module_and_every_module_is_a_command() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}
    assert modules == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_outside_of_a_stash(name: str, tmp_path: Path) -> None:
    ran = estash(name, "--help", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: experimentstash {name} ")
    assert f"\n  Example: experimentstash {name}" in ran.out


def test_a_wrong_command_or_option_suggests_the_right_one(tmp_path: Path) -> None:
    command = estash("snapshto", cwd=tmp_path)
    assert (command.code, "No such command 'snapshto'. Did you mean 'snapshot'?" in command.err) == (2, True)
    option = estash("snapshot", "mytool", "first", "--tag", "v1", "--comit", cwd=tmp_path)
    assert (option.code, "no such option of snapshot: --comit; did you mean --commit?" in option.err) == (2, True)


def test_the_short_help_flag_and_the_short_name(tmp_path: Path) -> None:
    assert run(BIN / "estash", "-h", cwd=tmp_path) == estash("--help", cwd=tmp_path)


def test_version(tmp_path: Path) -> None:
    assert estash("--version", cwd=tmp_path) == Ran(0, f"experimentstash, version {__version__}\n", "")
    assert importlib.metadata.version("experimentstash") == __version__


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["frobnicate"], "No such command 'frobnicate'."),
        (["--frobnicate"], "--frobnicate"),
        (["run"], "Missing argument 'TOOL'."),
        (["snapshot", "mytool", "pca"], "Missing option '--tag'"),
    ],
)
def test_wrong_usage_is_2_and_goes_to_stderr(args: list[str], says: str, tmp_path: Path) -> None:
    ran = estash(*args, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    # click names one or the other, by its version
    assert re.search("^Try 'experimentstash( [a-z]+)? (-h|--help)' for help", ran.err, re.MULTILINE)


def test_an_expected_failure_is_1_and_one_message(tmp_path: Path) -> None:
    ran = estash("verify", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("experimentstash: ")
    assert "Traceback" not in ran.err


def test_a_fault_is_3_with_a_log_to_send(tmp_path: Path) -> None:
    code = "import sys; from experimentstash.core.errors import guard; sys.exit(guard(lambda: 1 // 0))"
    ran = run(sys.executable, "-c", code, cwd=tmp_path, env={"TMPDIR": str(tmp_path)})
    assert (ran.code, ran.out) == (3, "")
    assert "internal error: ZeroDivisionError" in ran.err
    assert "Traceback" not in ran.err
    (log,) = tmp_path.glob("experimentstash-*.log")
    assert str(log) in ran.err
    assert "ZeroDivisionError" in log.read_text()


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    code = """
import os, signal, sys, time
from experimentstash.core.errors import guard
def door():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
sys.exit(guard(door))
"""
    assert python(code, cwd=tmp_path) == Ran(130, "", "experimentstash: interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    ran = run("bash", "-c", "set -o pipefail; experimentstash --help | head -n 1", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_help_loads_click_and_nothing_else(args: list[str], tmp_path: Path) -> None:
    ran = python(LOADED.format(names=("click", "dulwich", "yaml", *HEAVY)), *args, cwd=tmp_path)
    assert ran.err == "LOADED click\n"


@pytest.mark.parametrize("args", [["verify"], ["verify", "--all"], ["tag"]])
def test_what_hooks_use_loads_no_heavy_library(args: list[str], tmp_path: Path) -> None:
    ran = python(LOADED.format(names=("yaml", *HEAVY)), *args, cwd=healthy(tmp_path / "stash"))
    assert (ran.code, ran.err) == (0, "LOADED yaml\n")
