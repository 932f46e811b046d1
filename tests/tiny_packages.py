"""Packages of a few bytes, and tools that lock them: what an index and a checkout hold, without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import os
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import run, write

from experimentstash.environments.build_request import BuildRequest
from experimentstash.environments.interpreters import RecordedPython
from experimentstash.environments.lock_file import find_lock

HERE = ".".join(map(str, sys.version_info[:3]))
"""The version of the Python that runs the tests."""

_BACKEND = '''
"""A build backend in the tool itself (PEP 517, backend-path): it needs no package and no network."""
import base64, hashlib, os, zipfile

NAME, VERSION = "@name@", "@version@"
INFO = f"{NAME}-{VERSION}.dist-info"

def build_editable(folder, settings=None, metadata=None):
    files = {
        f"{NAME}.pth": os.path.join(os.getcwd(), "src") + "\\n",
        f"{INFO}/METADATA": f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nGenerator: tiny\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{INFO}/entry_points.txt": f"[console_scripts]\\n{NAME}-train = {NAME}.main:main\\n",
    }
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\\n"
        for path, text in files.items()
    )
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {**files, f"{INFO}/RECORD": record + f"{INFO}/RECORD,,\\n"}.items():
            wheel.writestr(path, text)
    return name

build_wheel = build_editable

def build_sdist(folder, settings=None):
    raise RuntimeError("a tool is not packed")
'''


def wheel(
    folder: Path,
    name: str,
    version: str,
    requires: Sequence[str] = (),
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel whose package knows its `VERSION`; the same arguments give the same bytes."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    texts = {
        f"{module}/__init__.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **(files or {}),
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in texts.items())
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in {**texts, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return target


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def sdist(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write a source distribution of the files given."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{version}.tar.gz"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(target, "w:gz") as archive:
        for path, text in {"PKG-INFO": metadata, **files}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return target


def hashed(path: Path) -> str:
    """Return the requirement, with its hash, that a wheel or a source distribution meets."""
    name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
    return f"{name.replace('_', '-')}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def vendor(tool: Path) -> tuple[Path, Path]:
    """Put `tiny-one`, and `tiny-two` that it needs, into a tool's directory `vendor`; an older `tiny-two`, too."""
    wheel(tool / "vendor", "tiny-two", "1.1")
    one = wheel(tool / "vendor", "tiny-one", "1.0", ["tiny-two>=1"])
    return one, wheel(tool / "vendor", "tiny-two", "1.2")


def tool_with_requirements(stash: Path, name: str = "mytool") -> Path:
    """Make a tool whose `requirements.txt` has hashes, and whose packages it carries itself."""
    tool = stash / "tools" / name
    one, two = vendor(tool)
    write(tool, {"requirements.txt": f"--no-index\n--find-links vendor\n{hashed(one)}{hashed(two)}"})
    write(tool, {f"src/{name}/main.py": program(name), f"src/{name}/__init__.py": ""})
    return tool


def program(name: str) -> str:
    """Return a program that prints where its own code lies and what it found."""
    return (
        f'"""{name}"""\n\ndef main():\n    import tiny_one, tiny_two\n'
        "    print(__file__, tiny_one.VERSION, tiny_two.VERSION)\n\n"
        'if __name__ == "__main__":\n    main()\n'
    )


def declare(tool: Path, name: str, version: str = "0.3", extra: str = "") -> None:
    """Make a directory a package that is built by a backend of its own, from `src/`."""
    write(
        tool,
        {
            "pyproject.toml": (
                f'[project]\nname = "{name}"\nversion = "{version}"\nrequires-python = ">=3.8"\n'
                f'dependencies = ["tiny-one"]\n[project.scripts]\n{name}-train = "{name}.main:main"\n'
                '[build-system]\nrequires = []\nbuild-backend = "own_backend"\nbackend-path = ["."]\n'
                f'[tool.uv]\nno-index = true\nfind-links = ["vendor"]\n{extra}'
            ),
            "own_backend.py": _BACKEND.replace("@name@", name).replace("@version@", version),
            f"src/{name}/__init__.py": "",
            f"src/{name}/main.py": program(name),
        },
    )


def tool_with_uv_lock(stash: Path, name: str = "mytool", extra: str = "") -> Path:
    """Make a tool with a package in `src/` and a `uv.lock` that real uv wrote."""
    tool = stash / "tools" / name
    vendor(tool)
    declare(tool, name, extra=extra)
    locked = run("uv", "lock", cwd=tool)
    assert locked.code == 0, locked.err
    return tool


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a directory, but for Python's caches."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of this machine say where packages come from."""
    for key in [key for key in os.environ if key.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.every)])
def installer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """uv on the PATH, or hidden from it."""
    chosen: str = request.param
    if chosen == "pip":
        hide_uv(tmp_path, monkeypatch)
    return chosen


def hide_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only what git and pip need on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "sh", "env"):
        (programs / name).symlink_to(run("sh", "-c", f"command -v {name}", cwd=tmp_path).out.strip())
    monkeypatch.setenv("PATH", str(programs))


class _Steps(logging.Handler):
    """Appends each step to a list, as it is told to a user."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


def order(stash: Path, tmp_path: Path, name: str = "mytool", said: list[str] | None = None) -> BuildRequest:
    """Return the order for the lock that a tool ships, with all that is told appended to `said`."""
    found = find_lock(stash, f"tools/{name}")
    assert found.lock is not None, found.told
    heard = [] if said is None else said
    logger = logging.getLogger("experimentstash")
    logger.setLevel(logging.INFO)
    logger.handlers[:] = [_Steps(heard)]
    return BuildRequest(
        found.lock,
        "mytool/pca (snapshot/draft)",
        tmp_path / "cache",
        tmp_path / "own",
        python=RecordedPython(HERE),
        hear=heard.append,
    )
