"""What a tool's checkout says about itself, for the shapes that Hydra programs come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from experimentstash.hydra.source.declared_scripts import console_scripts, script_files
from experimentstash.hydra.source.defaults_list import extends, is_global
from experimentstash.hydra.source.hydra_main import HydraMain, entry_file, read_main
from experimentstash.hydra.source.layout import config_folder, find_search_packages, guess_select
from experimentstash.hydra.source.python_source import read_source
from experimentstash.stash.tool import Tool

MAIN = """\
import hydra

@hydra.main(version_base="1.3", config_path="../configs", config_name="train.yaml")
def main(cfg):
    pass

if __name__ == "__main__":
    main()
"""
GLOBAL = "# @package _global_\ndefaults:\n  - override /data: x\n"


def lay(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def main_of(root: Path, source: str, tool: Tool | None = None) -> HydraMain | None:
    lay(root, {"train.py": source})
    return read_main(root, tool or Tool("t", "train.py"))


def call(root: Path, source: str) -> tuple[str | None, str | None, str | None, bool] | None:
    found = main_of(root, source)
    return None if found is None else (found.config_path, found.config_name, found.version_base, found.uses_compose)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (MAIN, ("../configs", "train.yaml", "1.3", False)),
        ("import hydra as h\n@h.main('conf', 'config')\ndef f(c): ...\n", ("conf", "config", None, False)),
        ("from hydra import main\n@main(None, 'c', version_base=None)\ndef f(c): ...\n", (None, "c", None, False)),
        (
            "from hydra import main as m\nP: str = 'conf'\nN = 'c'\n@m(config_path=P, config_name=N)\ndef f(c): ...",
            ("conf", "c", None, False),
        ),
        ("import hydra\ndef f(c): ...\nhydra.main(config_path='conf')(f)()\n", ("conf", None, None, False)),
        (
            "import hydra.main\n@hydra.main(config_name='c', version_base='1.2')\ndef f(c): ...",
            (None, "c", "1.2", False),
        ),
        ("import hydra\n@hydra.main(config_name='c')\ndef f(c): ...", (".", "c", None, False)),
        ("import hydra\n@hydra.main(config_name='c', version_base='1.1')\ndef f(c): ...", (".", "c", "1.1", False)),
        (
            "import hydra, os\n@hydra.main(config_path=os.getcwd(), config_name='c')\ndef f(c): ...",
            (None, "c", None, False),
        ),
        (
            "from hydra_zen import zen\nzen(print).hydra_main(config_name='c', config_path=None, version_base='1.3')",
            (None, "c", "1.3", False),
        ),
        (
            "from hydra import compose, initialize\nwith initialize('conf', version_base=None):\n    compose('c')\n",
            ("conf", "c", None, True),
        ),
        (
            "from hydra import compose, initialize_config_module as i\ni(config_module='a.b')\ncompose('c')",
            ("pkg://a.b", "c", None, True),
        ),
        ("from hydra.experimental import initialize\ninitialize(config_path='x')", ("x", None, None, True)),
        ("import hydra\nhydra.utils.instantiate({})\n", None),
        ("from other import main\n@main(config_path='x')\ndef f(c): ...", None),
        ("import hydra\n@hydra.main(config_path='x'\n", None),
        ("\0", None),
        ("(" * 5000, None),
        ("import hydra\n@hydra.main(config_path=" + "-" * 30_000 + "1)\ndef f(c): ...", None),
    ],
)
def test_how_a_program_calls_hydra(tmp_path: Path, source: str, found: object) -> None:
    assert call(tmp_path, source) == found


def test_of_several_mains_the_one_that_is_started(tmp_path: Path) -> None:
    source = MAIN.replace("if __name__", "@hydra.main(config_name='other')\ndef test(cfg): ...\n\nif __name__")
    assert call(tmp_path, source) == ("../configs", "train.yaml", "1.3", False)
    assert call(tmp_path, source.replace("    main()", "    test()")) == (".", "other", None, False)


def test_a_main_that_is_imported_from_the_tool(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {"pkg/__init__.py": "", "pkg/deep/app.py": MAIN, "pkg/__main__.py": "from .deep.app import main\nmain()"},
    )
    found = read_main(tmp_path, Tool("t", "-m pkg"))
    assert found is not None
    assert found.file == tmp_path / "pkg/deep/app.py"
    lay(tmp_path, {"run.py": "import pkg.deep.app\npkg.deep.app.main()"})
    assert read_main(tmp_path, Tool("t", "run.py")) == found


@pytest.mark.parametrize(
    ("entrypoint", "workdir", "file"),
    [
        ("-m pkg.main", ".", "pkg/main.py"),
        ("-m pkg", ".", "pkg/__main__.py"),
        ("-m inner.main", ".", "src/inner/main.py"),
        ("-m inner.main", "src", "src/inner/main.py"),
        ("src/inner/main.py", ".", "src/inner/main.py"),
        ("inner/main.py", "src", "src/inner/main.py"),
        ("bin/train", ".", "bin/train"),
        ("train", ".", "train"),
        ("mytool", ".", "pkg/main.py"),
        ("absent", ".", None),
        ("-m absent", ".", None),
        ("link.py", ".", None),
    ],
)
def test_the_file_that_an_entrypoint_starts(tmp_path: Path, entrypoint: str, workdir: str, file: str | None) -> None:
    lay(tmp_path, {"outside.py": MAIN})
    root = tmp_path / "tool"
    names = ("pkg/main.py", "pkg/__main__.py", "src/inner/main.py", "bin/train", "train")
    lay(root, dict.fromkeys(names, MAIN))
    lay(root, {"pyproject.toml": '[project.scripts]\nmytool = "pkg.main:main"\n'})
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    assert entry_file(root, Tool("t", entrypoint, workdir=workdir)) == (file and root / file)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pyproject.toml",
            '[project]\nname = "x"\n[project.scripts]\na = "m.x:main"\n"b-c" = "n"\n[other]\nz = "q:r"\n',
        ),
        ("pyproject.toml", '[tool.poetry.scripts]\na = \'m.x:main\' # c\nb-c = {reference = "n", type = "console"}\n'),
        ("setup.cfg", "[options.entry_points]\nconsole_scripts =\n    a = m.x:main\n    b-c=n [extra]\n"),
        ("setup.py", "setup(entry_points={'console_scripts': ['a = m.x:main', 'b-c = n'], 'other': ['z = q']})"),
    ],
)
def test_console_scripts_of_each_file(tmp_path: Path, name: str, text: str) -> None:
    lay(tmp_path, {name: text})
    assert console_scripts(tmp_path) == {"a": "m.x", "b-c": "n"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.setuptools]\nscript-files = ["bin/a", "../b", "/c", 3, "b"]\n'),
        (
            "pyproject.toml",
            "[tool.poetry.scripts]\na = {reference = 'bin/a', type = 'file'}\nb = {reference = 'b', type = 'file'}\n",
        ),
        ("setup.cfg", "[options]\nscripts =\n    bin/a\n    b\n"),
        ("setup.py", "from setuptools import setup\nsetup(scripts=['bin/a', 'b', name])"),
    ],
)
def test_script_files_of_each_file(tmp_path: Path, name: str, text: str) -> None:
    lay(tmp_path, {name: text})
    assert script_files(tmp_path) == ["bin/a", "b"]


def test_a_script_is_named_as_it_is_installed(tmp_path: Path) -> None:
    lay(tmp_path, {"pyproject.toml": '[tool.setuptools]\nscript-files = ["bin/start"]\n', "bin/start": MAIN})
    assert entry_file(tmp_path, Tool("t", "start")) == tmp_path / "bin/start"


def test_where_a_task_function_comes_from(tmp_path: Path) -> None:
    source = "import hydra\nfrom pkg.work import work\nhydra.main(config_path='conf')(work)()\n"
    lay(tmp_path, {"pkg/work.py": "def work(cfg): ...\n"})
    found = main_of(tmp_path, source)
    assert found is not None
    assert (found.file, found.names_config) == (tmp_path / "pkg/work.py", False)


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", "setup.py"])
@pytest.mark.parametrize("text", ["[[[", "\0", "x = [", "[project]\nscripts = 3\n", "[a]\n[a]\nb\n", "x" * 1_000_001])
def test_broken_packaging_declares_nothing(tmp_path: Path, name: str, text: str) -> None:
    lay(tmp_path, {name: text})
    assert console_scripts(tmp_path) == {}


def folder_of(root: Path, tool: Tool) -> Path | None:
    return config_folder(root, tool, read_main(root, tool))


def program(config_path: str) -> str:
    return (
        f"import hydra\n@hydra.main(config_path={config_path}, config_name='config', version_base=None)\ndef f(c): ..."
    )


@pytest.mark.parametrize(
    ("config_path", "folder"),
    [
        ("'../configs'", "configs"),
        ("'conf'", "pkg/conf"),
        ("'file://conf'", "pkg/conf"),
        ("'pkg://lib.settings'", "lib/settings"),
        ("'pkg://inner.conf'", "src/inner/conf"),
        ("None", "pkg/conf"),
        ("__file__ + 'x'", "pkg/conf"),
        ("'../../outside'", "pkg/conf"),
        ("'/etc'", "pkg/conf"),
        ("'link'", "pkg/conf"),
        ("'absent'", "pkg/conf"),
    ],
)
def test_the_config_folder(tmp_path: Path, config_path: str, folder: str) -> None:
    root = tmp_path / "tool"
    places = ("configs", "pkg/conf", "lib/settings", "src/inner/conf", "../outside")
    lay(root, {f"{place}/group/x.yaml": "a: 1\n" for place in places} | {"pkg/main.py": program(config_path)})
    (root / "pkg/link").symlink_to(tmp_path / "outside")
    assert folder_of(root, Tool("t", "-m pkg.main")) == root / folder


def test_the_config_folder_of_a_search_package(tmp_path: Path) -> None:
    lay(tmp_path, {"pkg/main.py": program("None"), "pkg/conf/x.yaml": "", "other/settings/x.yaml": ""})
    tool = Tool("t", "-m pkg.main", search_packages=("elsewhere.configs", "other.settings"))
    assert folder_of(tmp_path, tool) == tmp_path / "other/settings"


def test_no_config_folder(tmp_path: Path) -> None:
    lay(tmp_path, {"main.py": program("None"), "config/settings.py": "", "src/x.yaml": ""})
    assert folder_of(tmp_path, Tool("t", "main.py")) is None


@pytest.mark.parametrize(
    ("files", "folder", "packages"),
    [
        (["pkg/__init__.py", "pkg/configs/__init__.py"], "pkg/configs", ("pkg.configs",)),
        (["pkg/configs/__init__.py"], "pkg/configs", ("pkg.configs",)),
        (["pkg/__init__.py"], "pkg/configs", ()),
        (["src/pkg/configs/__init__.py"], "src/pkg/configs", ("pkg.configs",)),
        (["src/__init__.py", "src/configs/__init__.py"], "src/configs", ("src.configs",)),
        (["my-pkg/configs/__init__.py"], "my-pkg/configs", ()),
        (["configs/__init__.py"], "configs", ("configs",)),
    ],
)
def test_search_packages(tmp_path: Path, files: list[str], folder: str, packages: tuple[str, ...]) -> None:
    lay(tmp_path, dict.fromkeys(files, "") | {f"{folder}/config.yaml": ""})
    assert find_search_packages(tmp_path, Tool("t", "x.py"), tmp_path / folder) == packages


def selected(root: Path, tool: Tool, experiment: str) -> str | None:
    main = read_main(root, tool)
    return guess_select(root, tool, main, config_folder(root, tool, main), experiment) if main else None


@pytest.mark.parametrize(
    ("config", "experiment", "select"),
    [
        ("defaults:\n  - _self_\n  - experiment: null\n", GLOBAL, "group"),
        ("defaults:\n  - optional experiment: x\n", GLOBAL, "group"),
        ("defaults:\n  - /experiment@_global_: x\n", GLOBAL, "group"),
        ("defaults:\n  - base\n  - data: x\n", GLOBAL, "group"),
        ("defaults:\n  - data: x\n", GLOBAL, "append"),
        ("defaults:\n  - experiments: x\n", GLOBAL, "append"),
        ("defaults: oops\n", GLOBAL, "append"),
        ("a: [\n", GLOBAL, "append"),
        ("a: 1\n", "\ufeff", None),
        ("a: 1\n", "x: 1\n# @package _global_\n", None),
        ("a: 1\n", "# header\n\n# @package _global_\nx: 1\n", None),
        ("a: 1\n", "\n# @other x\n# @package _global_\r\nx: 1\n", "append"),
        ("defaults:\n  - experiment: null\n", "defaults:\n  - /config\n  - _self_\n", "primary"),
        ("defaults:\n  - experiment: null\n", "# @package _global_\ndefaults: [/base, _self_]\n", "group"),
        ("defaults:\n  - experiment: null\n", "defaults: [config]\n", "primary"),
        ("defaults:\n  - experiment: null\n", "# @package _global_\ndefaults: [/other/x]\n", "group"),
    ],
)
def test_how_an_experiment_is_chosen(tmp_path: Path, config: str, experiment: str, select: str | None) -> None:
    base = "defaults:\n  - experiment: null\n" if "base" in config else "z: 1\n"
    lay(tmp_path, {"main.py": program("'conf'"), "conf/config.yaml": config, "conf/base.yaml": base})
    assert selected(tmp_path, Tool("t", "main.py"), experiment) == select


def test_how_an_experiment_is_chosen_without_configs(tmp_path: Path) -> None:
    tool = Tool("t", "main.py")
    lay(tmp_path, {"main.py": program("None")})
    assert selected(tmp_path, tool, GLOBAL) is None  # it may be in a ConfigStore
    lay(tmp_path, {"main.py": "import hydra\n@hydra.main(config_path=None, version_base=None)\ndef f(c): ..."})
    assert selected(tmp_path, tool, GLOBAL) == "primary"
    lay(tmp_path, {"main.py": "from hydra import compose\ncompose('config')"})
    assert selected(tmp_path, tool, GLOBAL) == "compose"
    lay(tmp_path, {"main.py": "print()"})
    assert selected(tmp_path, tool, GLOBAL) is None


def test_a_circle_of_defaults_ends(tmp_path: Path) -> None:
    lay(tmp_path, {"main.py": program("'conf'"), "conf/config.yaml": "defaults: [config, config, config]\n"})
    assert selected(tmp_path, Tool("t", "main.py"), GLOBAL) is None


def test_aliases_of_a_tools_config_are_no_bomb(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}, *a]\n" for i in range(80))
    lay(tmp_path, {"main.py": program("'conf'"), "conf/config.yaml": f"{bomb}defaults: &d\n  - experiment: null\n"})
    assert selected(tmp_path, Tool("t", "main.py"), GLOBAL) == "group"


def test_extends_and_is_global() -> None:
    assert extends("defaults:\n  - ../config\n", "config.yaml", None)
    assert not extends("defaults:\n  - override /config: x\n", "config", None)
    assert is_global("#@package _global_\n")
    assert not is_global("# @package foo\n")


def test_a_source_that_is_too_large_or_no_file(tmp_path: Path) -> None:
    lay(tmp_path, {"x.py": "#" * 1_000_001})
    assert read_source(tmp_path / "x.py") is None
    assert read_source(tmp_path) is None
