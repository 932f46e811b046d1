"""A tool's program is found where such programs stand, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from experimentstash.hydra.source import python_files
from experimentstash.hydra.source.entrypoints import programs

MAIN = """\
import hydra
@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg): ...
if __name__ == "__main__":
    main()
"""
COMPOSING = "from hydra import compose, initialize\nif __name__ == '__main__':\n    initialize(), compose('c')\n"
PLAIN = "if __name__ == '__main__':\n    print()\n"
LIB = MAIN.split("if")[0]
WRAPPED = f"{LIB}\ndef cli():\n    hydra.main(config_path='conf')(main)()\n"
THIN = "from lib import app\napp.main()\n"
GO = ("go.py", ".")
FILE = '[tool.setuptools]\nscript-files = ["start"]\n'
EVAL_FIRST = '[project.scripts]\nt-eval = "lib.e:main"\nt-train = "lib.t:main"\n'
SCRIPTS = '[project.scripts]\nother = "lib.x:main"\nmy-tool = "lib.cli:main"\n'


def lay(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"my_tool/main.py": MAIN, "train.py": MAIN}, ("-m my_tool.main", ".")),
        ({"my_tool/__main__.py": MAIN}, ("-m my_tool", ".")),
        ({"src/my_tool/main.py": MAIN, "pyproject.toml": ""}, ("-m my_tool.main", ".")),
        ({"src/my_tool/main.py": MAIN}, ("-m my_tool.main", "src")),
        ({"src/my_tool/main.py": MAIN, "src/__init__.py": ""}, ("-m src.my_tool.main", ".")),
        ({"my_tool/main.py": PLAIN, "src/train.py": MAIN}, ("src/train.py", ".")),
        ({"src/train.py": MAIN, "train.py": MAIN, "main.py": MAIN}, ("src/train.py", ".")),
        ({"train.py": PLAIN, "main.py": MAIN, "run.py": MAIN}, ("main.py", ".")),
        ({"src/train.py": MAIN.replace("import hydra", "import hydra\nfrom .x import y")}, ("-m src.train", ".")),
        ({"main.py": COMPOSING, "deep/app.py": MAIN}, ("deep/app.py", ".")),
        ({"main.py": COMPOSING, "deep/app.py": PLAIN}, ("main.py", ".")),
        ({"lib/cli.py": MAIN, "lib/x.py": MAIN, "pyproject.toml": SCRIPTS}, ("-m lib.cli", ".")),
        ({"lib/cli.py": MAIN.split("if")[0], "pyproject.toml": SCRIPTS}, ("my-tool", ".")),
        ({"lib/cli.py": PLAIN, "lib/x.py": MAIN, "pyproject.toml": SCRIPTS}, ("-m lib.x", ".")),
        ({"bin/start": f"#!/usr/bin/env python3\n{MAIN}"}, ("bin/start", ".")),
        ({"b/app.py": MAIN, "a/app.py": MAIN, "z.py": MAIN}, ("z.py", ".")),
        ({"tests/test_app.py": MAIN, "deep/er/app.py": MAIN}, ("deep/er/app.py", ".")),
        ({"tests/test_app.py": MAIN}, ("tests/test_app.py", ".")),
        ({"sub/train_it.py": MAIN, "sub/requirements.txt": ""}, ("train_it.py", "sub")),
        ({"lib/app.py": f"from lib.x import y\n{MAIN}"}, ("-m lib.app", ".")),
        ({"lib/app.py": f"import x\n{MAIN}", "lib/x.py": ""}, ("lib/app.py", ".")),
        ({"lib/app.py": f"from .x import y\n{MAIN}"}, ("-m lib.app", ".")),
        ({"my-lib/app.py": f"from .x import y\n{MAIN}"}, ("my-lib/app.py", ".")),
        ({"src/lib/app.py": f"from .x import y\n{MAIN}"}, ("-m lib.app", "src")),
        ({"main.py": "from lib.app import main\nmain()\n", "lib/app.py": MAIN.split("if")[0]}, ("main.py", ".")),
        ({"my_tool/__main__.py": "from .main import main\nmain()\n", "my_tool/main.py": LIB}, ("-m my_tool", ".")),
        ({"x/__main__.py": "import x.main\nx.main.main()\n", "x/main.py": LIB}, ("-m x", ".")),
        ({"bin/start": f"#!/usr/bin/env python3\n{THIN}", "lib/app.py": LIB}, ("bin/start", ".")),
        ({"start": THIN, "lib/app.py": LIB, "pyproject.toml": FILE}, ("start", ".")),
        ({"go.py": "from lib import main\nmain()", "lib/__init__.py": "from .app import main", "lib/app.py": LIB}, GO),
        ({"go.py": "from lib.app import cli\ndef f():\n    cli()\nf()", "lib/app.py": WRAPPED}, GO),
        ({"lib/eval.py": MAIN, "lib/train.py": MAIN}, ("lib/train.py", ".")),
        ({"evaluate.py": MAIN, "deep/train.py": MAIN}, ("deep/train.py", ".")),
        ({"lib/e.py": LIB, "lib/t.py": LIB, "pyproject.toml": EVAL_FIRST}, ("t-train", ".")),
    ],
)
def test_the_best_entrypoint(tmp_path: Path, files: dict[str, str], found: tuple[str, str]) -> None:
    assert next(iter(programs(lay(tmp_path, files), "my-tool").values())) == found


def test_every_program_is_found_once_the_best_first(tmp_path: Path) -> None:
    lay(tmp_path, {"src/train.py": MAIN, "src/eval.py": MAIN, "notebooks/try.py": COMPOSING, "setup.py": PLAIN})
    assert list(programs(tmp_path, "t").values()) == [
        ("src/train.py", "."),
        ("src/eval.py", "."),
        ("notebooks/try.py", "."),
    ]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"main.py": PLAIN, "README.md": "hydra.main("},
        {"main.py": "import hydra\nhydra.utils.instantiate({})\n"},
        {"lib/app.py": LIB},
        {
            "lib/app.py": LIB,
            "plot.py": "from lib import app, other\nother.main()\n",
            "lib/other.py": "def main(): ...\n",
        },
        {"my_tool/main.py": LIB},
        {".hidden/train.py": MAIN, "build/train.py": MAIN, "venv/pyvenv.cfg": "", "venv/train.py": MAIN},
        {"a/b/c/d/e/f/g/app.py": MAIN},
        {"bin/start": MAIN, "app.txt": MAIN},
        {"main.py": "import hydra\n@hydra.main(\n"},
        {"sub/.git": "gitdir: x", "sub/app.py": MAIN},
    ],
)
def test_no_program(tmp_path: Path, files: dict[str, str]) -> None:
    assert programs(lay(tmp_path, files), "my-tool") == {}


def test_links_out_of_the_tool_are_not_followed(tmp_path: Path) -> None:
    lay(tmp_path, {"outside/train.py": MAIN})
    root = tmp_path / "tool"
    root.mkdir()
    (root / "train.py").symlink_to(tmp_path / "outside/train.py")
    (root / "src").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(".")
    (root / "circle.py").symlink_to("circle.py")
    assert programs(root, "t") == {}
    lay(root, {"real/app.py": MAIN})
    assert list(programs(root, "t").values()) == [("real/app.py", ".")]


def test_the_search_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_files, "_MOST_FILES", 5)
    lay(tmp_path, {f"a{number}.py": "" for number in range(9)} | {"z.py": MAIN})
    assert programs(tmp_path, "t") == {}
    assert len(python_files.python_files(tmp_path)) == 5
