"""The built wheel holds the package and works where the source directory is out of reach."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import commit, git, run
from shapes import EXPERIMENT, hard_coded
from stashes import make_stash, pin_id, snapshot_path, snapshot_text, stage

from experimentstash import __version__

pytestmark = pytest.mark.usefixtures("fresh_tools")

ROOT = Path(__file__).parents[1]
LEFT = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "outputs")
CACHES = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist: what is missing there is missing everywhere."""
    source = tmp_path_factory.mktemp("built") / "source"
    shutil.copytree(ROOT, source, ignore=LEFT)
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", source.parent, source, cwd=source)
    assert done.code == 0, done.out + done.err
    (built,) = source.parent.glob("*.whl")
    shutil.rmtree(source)
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new virtual environment that holds the wheel; its dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("venv")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    assert made.code == 0, made.err
    python = folder / "bin" / "python"
    asked = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    # the directory is named, and the .pth files in it are not read: an editable install there stays out of sight
    Path(asked.out.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python)
    done = run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    assert done.code == 0, done.err
    return python.parent


def files_below(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files if not CACHES.intersection(path.parts)}


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    wanted = {f"experimentstash/{path}" for path in files_below(ROOT / "experimentstash")}
    # in a checkout the sample tool's experiments stand at the top, where a stash has them
    experiments = files_below(ROOT / "configs/swissroll/experiment")
    wanted |= {f"experimentstash/cli/demo/sample/swissroll/conf/experiment/{path}" for path in experiments}
    wanted |= {f"experimentstash/githooks/{path}" for path in files_below(ROOT / "hooks")}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted
    assert {
        "experimentstash/py.typed",
        "experimentstash/githooks/pre-push",
        "experimentstash/hydra/inside/conf/hydra/output/default.yaml",
        "experimentstash/hydra/inside/hydra_plugins/experimentstash_searchpath.py",
    } < held
    # with it, Hydra's own namespace package would be hidden from the tool
    assert "experimentstash/hydra/inside/hydra_plugins/__init__.py" not in held


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    about = zipfile.ZipFile(wheel).read(f"experimentstash-{__version__}.dist-info/METADATA").decode()
    assert "Requires-Python: >=3.10\n" in about
    assert "License-Expression: MIT\n" in about
    assert "Requires-Dist: pytest" not in about


def test_the_package_that_is_installed_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    code = "import experimentstash, sys; print(experimentstash.__file__, *sys.path, sep='\\n')"
    place, *paths = run(installed / "python", "-c", code, cwd=tmp_path).out.splitlines()
    assert Path(place).is_relative_to(installed.parent)
    assert str(ROOT) not in paths


@pytest.mark.every
def test_the_main_job_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    commit(tmp_path / "mytool", {**hard_coded(), "conf/experiment/first.yaml": EXPERIMENT}, "a tool")
    stash = tmp_path / "stash"

    def estash(*args: str | Path) -> str:
        ran = run(installed / "experimentstash", *args, cwd=stash if stash.exists() else tmp_path)
        assert ran.code == 0, ran.err
        return ran.out

    estash("init", stash)
    git("add", "-A", cwd=stash)
    git("commit", "-qm", "Make a stash", cwd=stash)
    assert "composed mytool/first successfully\n" in estash("add-tool", "mytool", tmp_path / "mytool")
    git("commit", "-qm", "Add mytool", cwd=stash)
    ran = estash("run", "mytool", "first")
    assert "/'model'/'layers' AnyNode typing.Any <class 'int'> 5\n" in ran
    estash("snapshot", "mytool", "first", "--tag", "t", "--commit")
    assert estash("run", "mytool", "first", "--snapshot", "t") == ran
    assert estash("verify", "--all") == "1 snapshot holds\n"


@pytest.mark.parametrize("way", ["install", "core.hooksPath"])
def test_the_hooks_of_the_wheel_judge(installed: Path, way: str, tmp_path: Path) -> None:
    root = make_stash(tmp_path / "stash")
    if way == "install":
        done = run(installed / "experimentstash", "install", cwd=root)
        assert (done.code, f"  Python of the hooks: {installed}/python" in done.out) == (0, True), done
    else:
        asked = run(
            installed / "python", "-c", "import experimentstash; print(*experimentstash.__path__)", cwd=tmp_path
        )
        git("config", "core.hooksPath", f"{asked.out.strip()}/githooks", cwd=root)
        git("config", "experimentstash.python", installed / "python", cwd=root)
    git("config", "push.recurseSubmodules", "check", cwd=root)
    assert run(installed / "experimentstash", "doctor", cwd=root).code == 0
    stage(root, {snapshot_path("a", "v1"): snapshot_text("a", "v1", pin_id("other"))})
    ran = run("git", "commit", "-m", "drift", cwd=root, env={"PATH": "/usr/bin:/bin"})
    assert (ran.code, "pin: it records" in ran.err) == (1, True)


@pytest.mark.every
def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    ran = run(installed / "experimentstash", "demo", cwd=tmp_path)
    assert ran.code == 0, ran.err
