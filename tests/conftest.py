"""Every test works in a sealed home, with fixed authors and dates, and real programs."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import preloaded
import pytest
from preloaded import BIN as BIN
from preloaded import script

# A shell that starts the tests in the background has them ignore ^C, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has this one ignored
# A tool's side is tested in this process too: its directory stands on the path as it does in a tool's.
sys.path[:0] = [str(Path(__file__).parents[1] / "experimentstash/hydra/inside"), str(Path(__file__).parent / "hydra")]


MEMORY = Path("/dev/shm")
TOGETHER = ("tests/hooks/test_frameworks.py", "tests/hooks/test_freeze_snapshots.py", "tests/test_wheel.py")
"""Modules whose tests one worker runs."""
pytest_plugins = ["tiny_packages"]  # for its fixture `installer`


def pytest_configure(config: pytest.Config) -> None:
    """Put the directories of the tests into memory where there is much, and have workers share what they fork from."""
    if has_room(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    if config.getoption("numprocesses", None):
        preloaded.share()


def has_room(directory: Path) -> bool:
    """Return whether a directory is there, has room for what the tests write, and lets programs start from it."""
    if not os.access(directory, os.W_OK):
        return False
    system = os.statvfs(directory)
    return system.f_bavail * system.f_frsize > 4 << 30 and not system.f_flag & os.ST_NOEXEC


def pytest_collection_finish() -> None:
    """Keep what was collected out of the garbage collections of the tests: it stays to the end."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give a worker one test at a time, but all tests of a module that builds something dear, which come first.

    The groups of pytest-xdist 3.8 have no effect with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling  # .venv-docs has no pytest-xdist

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return module if module in TOGETHER else nodeid

    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the variants that only `make matrix` plays."""
    if "EVERY" in os.environ:
        return
    seen: Counter[str] = Counter()
    played: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        first = item.get_closest_marker("first")
        function = item.nodeid.partition("[")[0]
        every = item.get_closest_marker("every") or (first and seen[function] >= first.args[0])
        (left_out if every else played).append(item)
        seen[function] += not every
    items[:] = played
    config.hook.pytest_deselected(items=left_out)


def seal(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Path:
    """Make an empty home, in which no configuration, hook, editor, credential or cache of this machine is seen."""
    home = tmp_path_factory.mktemp("home")
    for key in [key for key in os.environ if key.startswith(("GIT_", "XDG_", "HYDRA_", "PYTHON", "EXPERIMENTSTASH_"))]:
        patch.delenv(key)
    patch.setenv("HOME", str(home))
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.setenv("GIT_TERMINAL_PROMPT", "0")
    patch.setenv("GIT_EDITOR", "false")
    patch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    patch.setenv("LC_ALL", "C.UTF-8")
    downloads = tmp_path_factory.getbasetemp().parent / "downloads"  # a package is fetched once for all tests
    patch.setenv("UV_CACHE_DIR", str(downloads / "uv"))
    patch.setenv("PIP_CACHE_DIR", str(downloads / "pip"))
    (downloads / "hashes").mkdir(parents=True, exist_ok=True)  # what the index has of them is asked once, too
    (home / ".cache" / "experimentstash").mkdir(parents=True)
    (home / ".cache" / "experimentstash" / "hashes").symlink_to(downloads / "hashes")
    for key in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        patch.delenv(key, raising=False)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Tester\n\temail = ada@example.org\n"
        "[init]\n\tdefaultBranch = main\n"
        "[experimentstash]\n\thooks = none\n"  # few stashes of the tests have hooks, and no run of them is to say so
        '[protocol "file"]\n\tallow = always\n'
        "[advice]\n\tdetachedHead = false\n"
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"  # half of the time of a commit
    )
    return home


@pytest.fixture(autouse=True, scope="session")
def sealed_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home for what modules make before a test has its own."""
    with pytest.MonkeyPatch.context() as patch:
        seal(tmp_path_factory, patch)
        yield


@pytest.fixture(autouse=True)
def sealed_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own."""
    return seal(tmp_path_factory, monkeypatch)


@pytest.fixture
def fresh_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools start with an interpreter of their own, and do not fork (see `preloaded.py`)."""
    monkeypatch.setenv("FRESH_TOOLS", "1")


@dataclass(frozen=True)
class Ran:
    """What a program answered."""

    code: int
    out: str
    err: str


def run(*args: str | Path, cwd: Path, env: dict[str, str] | None = None, stdin: str = "", timeout: float = 300) -> Ran:
    """Run a real program and return its exit code and what it said; what forks instead of it, for one of ours."""
    whole_env = {**os.environ, **(env or {})}
    words = [str(word) for word in args[1:]]
    forked = preloaded.forked(args[0], *words, cwd=cwd, env=whole_env, stdin=stdin.encode(), timeout=timeout)
    if forked is not None:
        return Ran(forked[0], *(text.decode("utf-8", "replace") for text in forked[1:]))
    done = subprocess.run(
        [str(script(args[0])), *words],
        cwd=cwd,
        env=whole_env,
        input=stdin.encode(),
        capture_output=True,
        check=False,
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def git(*args: str | Path, cwd: Path, env: dict[str, str] | None = None, stdin: str = "") -> str:
    """Run git, which must succeed, and return its stdout without the last line break."""
    ran = run("git", *args, cwd=cwd, env=env, stdin=stdin)
    assert ran.code == 0, f"git {args}: {ran.err}{ran.out}"
    return ran.out.removesuffix("\n")


def estash(*args: str | Path, cwd: Path, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
    """Run the installed console script."""
    return run(BIN / "experimentstash", *args, cwd=cwd, env=env, stdin=stdin)


def write(root: Path, files: dict[str, str]) -> None:
    """Write text files below `root`, by their paths."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def commit(root: Path, files: dict[str, str], message: str = "work") -> str:
    """Write files, commit all of the directory, and return the full id of the commit."""
    if not (root / ".git").exists():
        root.mkdir(parents=True, exist_ok=True)
        git("init", "-q", cwd=root)
    write(root, files)
    git("add", "-A", cwd=root)
    git("commit", "-q", "--allow-empty", "-m", message, cwd=root)
    return git("rev-parse", "HEAD", cwd=root)
