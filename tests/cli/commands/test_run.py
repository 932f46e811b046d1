"""`run`: a tool's output, signals and exit code are its own, and what is wrong is said before the start."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import BIN, estash, git, run, write
from shapes import Shape, hard_coded, make_stash, write_experiment

TASK = """
import os, signal, sys, time
import hydra

@hydra.main(config_path="../conf", config_name="config", version_base=None)
def main(cfg):
    print("one", flush=True)
    print("two", file=sys.stderr, flush=True)
    if cfg.name == "wait":
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("cleaning up", flush=True)
            raise
    if cfg.name == "code":
        os._exit(42)
    if cfg.name == "usr1":
        signal.signal(signal.SIGUSR1, lambda *_: os._exit(7))
        print("ready", flush=True)
        time.sleep(60)
    if cfg.name == "where":
        print(os.getcwd(), os.environ.get("HYDRA_SEARCH_PACKAGES"), sys.executable)
    if cfg.name == "read":
        print(sys.stdin.read().upper())

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    return make_stash(tmp_path, Shape({**hard_coded(), "mytool/main.py": TASK}))


def started(stash: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "experimentstash", "run", "mytool", "first", *arguments],
        cwd=stash, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_output_streams_live(stash: Path) -> None:
    process = started(stash, "name=wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n", "while the tool still runs"
    assert process.poll() is None
    process.terminate()
    process.communicate()


def test_the_exit_code_and_the_streams_are_the_tools(stash: Path) -> None:
    ran = estash("run", "mytool", "first", "name=code", cwd=stash)
    assert (ran.code, ran.out, ran.err) == (42, "one\n", "two\n")


def test_standard_input_reaches_the_tool(stash: Path) -> None:
    assert estash("run", "mytool", "first", "name=read", cwd=stash, stdin="given").out == "one\nGIVEN\n"


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "cleaning up\n"), (signal.SIGTERM, 143, "")],
)
def test_signals_reach_the_tool(stash: Path, number: signal.Signals, code: int, said: str) -> None:
    process = started(stash, "name=wait")
    assert process.stdout is not None
    assert [process.stdout.readline(), process.stdout.readline()] == ["one\n", "ready\n"]
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, said)


@pytest.mark.every
def test_a_batch_systems_warning_reaches_the_tool(stash: Path) -> None:
    process = started(stash, "name=usr1")
    assert process.stdout is not None
    assert [process.stdout.readline(), process.stdout.readline()] == ["one\n", "ready\n"]
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=30)
    assert process.returncode == 7


def test_an_interrupt_at_a_terminal_reaches_the_tool_once(stash: Path) -> None:
    """^C at a terminal goes to the whole foreground group; the tool cleans up once and undisturbed."""
    pid, terminal = os.forkpty()
    if pid == 0:
        os.chdir(stash)
        os.execv(BIN / "experimentstash", ["experimentstash", "run", "mytool", "first", "name=wait"])
    said = b""
    while b"ready" not in said:
        assert select.select([terminal], [], [], 60)[0]
        said += os.read(terminal, 1000)
    time.sleep(0.2)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    rest = b""
    try:
        while chunk := os.read(terminal, 1000):
            rest += chunk
    except OSError:
        pass
    assert rest.count(b"cleaning up") == 1


def test_the_working_folder_is_the_tools_from_any_folder_of_the_stash(stash: Path) -> None:
    for folder in (".", "configs/mytool/experiment", "tools"):
        ran = estash("run", "mytool", "first", "name=where", cwd=stash / folder)
        assert ran.out.splitlines()[1].startswith(f"{stash}/tools/mytool None {BIN}/python")


def test_hydras_flags_pass_in_any_order(stash: Path) -> None:
    for arguments in (["name=x", "--cfg", "job"], ["--cfg", "job", "name=x"], ["seed=3", "-c", "job", "name=x"]):
        ran = estash("run", "mytool", "first", *arguments, cwd=stash)
        assert ran.code == 0, ran.err
        assert "name: x\n" in ran.out
    swept = estash("run", "mytool", "first", "seed=1,2", "--multirun", "name=x", cwd=stash)
    assert swept.out.count("one\n") == 2
    assert "Powered by Hydra" in estash("run", "mytool", "first", "--help", cwd=stash).out


@pytest.mark.every
def test_the_search_path_shows_the_stash_and_the_packages(stash: Path) -> None:
    meta = stash / "configs/meta.yaml"
    meta.write_text(meta.read_text() + "    search_packages: 'mytool:mytool.sub'\n")
    out = estash("run", "mytool", "first", "--info", "searchpath", cwd=stash).out
    rows = [row.split("|")[2].strip() for row in out.splitlines() if row.startswith("| ")]
    assert f"file://{stash}/configs/mytool" in rows
    assert {"pkg://mytool", "pkg://mytool.sub"} <= set(rows)
    ran = estash("run", "mytool", "first", "name=where", cwd=stash)
    assert " mytool:mytool.sub " in ran.out


def test_an_edited_experiment_of_the_stash_wins_over_the_tools_own(tmp_path: Path) -> None:
    files = {**hard_coded(), "conf/experiment/first.yaml": "# @package _global_\nname: the tool's\n"}
    stash = make_stash(tmp_path, Shape(files))
    assert "name: first\n" in estash("run", "mytool", "first", "--cfg", "job", cwd=stash).out


def test_an_experiment_that_only_the_tool_has(tmp_path: Path) -> None:
    files = {**hard_coded(), "conf/experiment/theirs.yaml": "# @package _global_\nname: the tool's\n"}
    stash = make_stash(tmp_path, Shape(files))
    assert "name: the tool's\n" in estash("run", "mytool", "theirs", "--cfg", "job", cwd=stash).out


def test_a_run_leaves_stash_and_tool_clean(stash: Path) -> None:
    assert estash("run", "mytool", "first", cwd=stash).code == 0
    assert estash("run", "mytool", "first", "--multirun", "seed=1,2", cwd=stash).code == 0
    assert git("status", "--porcelain", "--ignore-submodules=none", cwd=stash) == ""
    assert git("status", "--porcelain", "--ignored", cwd=stash) == "!! outputs/"
    runs = [path.relative_to(stash).as_posix() for path in stash.glob("outputs/mytool/first/**/.hydra")]
    assert len(runs) == 3
    assert sum("multirun" in path for path in runs) == 2


def test_a_config_that_chooses_its_run_folder_keeps_it(stash: Path, tmp_path: Path) -> None:
    write_experiment(stash, "own", f"# @package _global_\nhydra: {{run: {{dir: {tmp_path}/own}}}}\n")
    assert estash("run", "mytool", "own", cwd=stash).code == 0
    assert (tmp_path / "own/.hydra").is_dir()
    assert not (stash / "outputs/mytool/own").exists()


def test_validate_only_composes_and_stops(stash: Path) -> None:
    ran = estash("run", "mytool", "first", "--validate-only", cwd=stash)
    assert (ran.code, ran.out, ran.err) == (0, "mytool/first composes\n", "")
    ran = estash("run", "mytool", "first", "--validate-only", "no.such=1", cwd=stash)
    assert ran.code == 1
    assert "Could not override 'no.such'." in ran.err
    assert not list((stash / "outputs").glob("mytool/*/*"))


def test_the_interpreter(stash: Path, tmp_path: Path) -> None:
    """`python:` of the registry; `.venv` of the tool; the active environment; our own."""

    def used(**env: str) -> str:
        return estash("run", "mytool", "first", "name=where", cwd=stash, env=env).out.split()[-1]

    def environment(folder: Path) -> Path:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").write_text(f"#!/bin/sh\nexec {sys.executable} -c \"print(1, 2, '{folder}')\"\n")
        (folder / "bin/python").chmod(0o755)
        return folder

    conda, active, own, chosen = (environment(folder) for folder in (
        tmp_path / "conda", tmp_path / "active", stash / "tools/mytool/.venv", tmp_path / "chosen",
    ))  # fmt: skip
    meta = stash / "configs/meta.yaml"
    plain = meta.read_text()
    meta.write_text(plain + f"    python: {chosen}/bin/python\n")
    everything = {"VIRTUAL_ENV": str(active), "CONDA_PREFIX": str(conda)}
    assert used(**everything) == str(chosen)
    meta.write_text(plain)
    assert used(**everything) == str(own)
    shutil.rmtree(own)
    assert used(**everything) == str(active)
    assert used(CONDA_PREFIX=str(conda)) == str(conda)
    assert Path(used()).parent == BIN
    meta.write_text(plain + "    python: no-such-python\n")
    ran = estash("run", "mytool", "first", cwd=stash)
    assert ran.code == 1
    assert "has python: 'no-such-python', which is not a program on this machine" in ran.err


BAD = {
    "a folder": ("figures", "'figures' is a directory of experiments; did you mean figures/one?"),
    "a link out of the stash": ("out", "out.yaml"),
    "not UTF-8": ("latin", "not UTF-8 (byte 6)"),
    "empty": ("empty", "empty: nothing to run"),
    "50 MB": ("large", "too large for an experiment"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_experiment_that_is_none(stash: Path, tmp_path: Path, case: str) -> None:
    folder = stash / "configs/mytool/experiment"
    write(folder, {"figures/one.yaml": "a: 1\n", "empty.yaml": "\n"})
    (tmp_path / "secret.yaml").write_text("a: 1\n")
    (folder / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "latin.yaml").write_bytes(b"name: \xe9\n")
    with (folder / "large.yaml").open("wb") as file:
        file.truncate(50_000_000)
    name, message = BAD[case]
    ran = estash("run", "mytool", name, cwd=stash)
    assert ran.code == 1
    assert ran.out == ""
    assert message in ran.err
    assert "Traceback" not in ran.err


TOOLS = {
    "prints rubbish": ("print('rubbish: [\\x1b[2J')\n", 0, ""),
    "fails while importing": ("raise RuntimeError('no GPU')\n", 1, "RuntimeError: no GPU"),
    "exits 0 without composing": ("raise SystemExit(0)\n", 1, "'-m mytool.main' ended well and composed no config"),
}


@pytest.mark.parametrize("case", TOOLS)
def test_a_tool_that_misbehaves(tmp_path: Path, case: str) -> None:
    code, exit_code, message = TOOLS[case]
    stash = make_stash(tmp_path, Shape({**hard_coded(), "mytool/main.py": code + TASK}))
    ran = estash("snapshot", "mytool", "first", "--tag", "t", cwd=stash)
    assert ran.code == exit_code
    assert message in ran.err
    assert "\x1b" not in ran.err + ran.out
    assert (stash / "configs/mytool/snapshots").exists() == (exit_code == 0)


@pytest.mark.every
def test_a_tool_that_hangs_while_importing_leaves_nothing_when_interrupted(tmp_path: Path) -> None:
    hang = "import subprocess, time\nsubprocess.Popen(['sleep', '977'])\ntime.sleep(977)\n"
    stash = make_stash(tmp_path, Shape({**hard_coded(), "mytool/main.py": hang + TASK}))
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = subprocess.Popen(
            [BIN / "experimentstash", "snapshot", "mytool", "first", "--tag", "t"],
            cwd=stash, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while run("pgrep", "-f", "sleep 977", cwd=tmp_path).code != 0:
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == code
        assert err.endswith("experimentstash: interrupted\n")
        assert run("pgrep", "-f", "sleep 977", cwd=tmp_path).code == 1, "what the tool started has ended too"
        assert not (stash / "configs/mytool/snapshots").exists()


def test_not_a_stash(tmp_path: Path) -> None:
    assert estash("run", "a", "b", cwd=tmp_path).err == (
        f"experimentstash: {tmp_path}: not a stash, and not in a git repository\n    fix: experimentstash init\n"
    )
    git("init", "-q", "repository", cwd=tmp_path)
    assert "not a stash: it has no configs/meta.yaml" in estash("run", "a", "b", cwd=tmp_path / "repository").err
    git("init", "-q", "--bare", "bare", cwd=tmp_path)
    ran = estash("run", "a", "b", cwd=tmp_path / "bare")
    assert (ran.code, "a bare repository has no working files" in ran.err) == (1, True)
    assert estash("run", cwd=tmp_path).code == 2


def test_packages_that_are_missing_are_told_with_the_interpreter(tmp_path: Path) -> None:
    stash = make_stash(tmp_path, Shape({**hard_coded(), "mytool/main.py": "import no_such_package\n" + TASK}))
    ran = estash("run", "mytool", "first", "--validate-only", cwd=stash)
    assert ran.code == 1
    assert "ModuleNotFoundError: No module named 'no_such_package'" in ran.err
    assert f"fix: install the tool's packages for {BIN}/python" in ran.err
    write(tmp_path / "lib", {"no_such_package.py": ""})
    installed = {"PYTHONPATH": str(tmp_path / "lib")}
    assert estash("run", "mytool", "first", "--validate-only", cwd=stash, env=installed).code == 0
