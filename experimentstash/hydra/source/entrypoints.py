"""Finds the program of a tool by looking: where such programs usually stand, then everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experimentstash.hydra.source.declared_scripts import console_scripts, script_files
from experimentstash.hydra.source.hydra_main import find_main, inside, module_file, starts_imported
from experimentstash.hydra.source.python_files import comes_after, project_folder, python_files
from experimentstash.hydra.source.python_source import may_start_hydra, read_source
from experimentstash.stash.tool import entrypoint_complaint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from experimentstash.hydra.source.python_source import PythonSource

NO_PROGRAM = "it holds no program that calls Hydra"
_USUAL = ("src/train.py", "train.py", "main.py", "src/main.py", "run.py")


def programs(root: Path, name: str) -> dict[Path, tuple[str, str]]:
    """Return every entrypoint with its working directory, by the file that it starts, the best first.

    The order: a package of the tool's name; the usual places; console scripts and script files; anywhere. Of the
    last three, those that call `hydra.main` come before those that compose by themselves or only import one that
    does. Only what does something when it is started is a program.

    Args:
        root: the tool's checkout.
        name: what the tool will be called; a package of that name comes first.
    """
    best: dict[Path, tuple[str, str]] = {}
    for file, entrypoint, workdir in _candidates(root, name):
        if file not in best and entrypoint_complaint(entrypoint) is None:
            best[file] = (entrypoint, workdir)
    return best


def _candidates(root: Path, name: str) -> Iterator[tuple[Path, str, str]]:
    yield from _packages_of_its_name(root, name)
    found = [*_usual(root), *_console(root, name), *_script_files(root), *_anywhere(root)]
    for wanted in (_calls_main, _composes):
        yield from (candidate for candidate in found if wanted(candidate[0]))
    yield from found


def _calls_main(file: Path) -> bool:
    source = read_source(file)
    return source is not None and source.main is not None


def _composes(file: Path) -> bool:
    source = read_source(file)
    return source is not None and source.composes


def _packages_of_its_name(root: Path, name: str) -> Iterator[tuple[Path, str, str]]:
    if (root / "src" / "__init__.py").is_file():
        source_prefix, source_workdir = "src.", "."
    else:  # installed, or started from where its package lies
        source_prefix, source_workdir = "", "." if _is_installable(root) else "src"
    for package in dict.fromkeys((name, name.replace("-", "_"), name.lower().replace("-", "_"))):
        for base, module, workdir in (
            (root, package, "."),
            (root / "src", f"{source_prefix}{package}", source_workdir),
        ):
            for place, ending in (("main.py", ".main"), ("__main__.py", "")):
                file = inside(root, base / package / place)
                if package.isidentifier() and file is not None and _is_program(root, file):
                    yield file, f"-m {module}{ending}", workdir


def _is_program(root: Path, file: Path) -> bool:
    """Return whether a file does something when it is started, and comes to Hydra then."""
    source = read_source(file)
    if source is None or find_main(root, file) is None:
        return False
    return source.runs or starts_imported(root, file, source)


def _is_installable(root: Path) -> bool:
    return any((root / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg"))


def _usual(root: Path) -> Iterator[tuple[Path, str, str]]:
    for path in _USUAL:
        file = inside(root, root / path)
        if file is None or not _is_program(root, file):
            continue
        source = read_source(file)
        is_part = source is not None and bool(source.relative)
        yield (file, *_as_module(root, root, file)) if is_part else (file, path, ".")


def _console(root: Path, name: str) -> Iterator[tuple[Path, str, str]]:
    scripts = console_scripts(root)
    own = (name, name.replace("_", "-"))
    for script in sorted(scripts, key=lambda script: (script not in own, comes_after(script))):
        file = module_file(root, root, scripts[script])
        if file is None or find_main(root, file) is None:
            continue
        source = read_source(file)
        runs = source is not None and source.runs
        yield file, f"-m {scripts[script]}" if runs else script, "."


def _script_files(root: Path) -> Iterator[tuple[Path, str, str]]:
    for path in sorted(script_files(root), key=comes_after):
        file = inside(root, root / path)
        if file is not None and _is_program(root, file):
            yield file, path, "."


def _anywhere(root: Path) -> Iterator[tuple[Path, str, str]]:
    for file in python_files(root):
        source = read_source(file) if may_start_hydra(file) else None
        if source is None:
            continue
        calls = source.main is not None or source.composes
        if (source.runs and calls) or (not calls and starts_imported(root, file, source)):
            yield (file, *_as_program(root, project_folder(root, file), file, source))


def _as_program(root: Path, work: Path, file: Path, source: PythonSource) -> tuple[str, str]:
    """Return a file as a module where it imports its own package from above it, else as a script."""
    is_part = source.relative or _imports_from(work, file, source)
    if is_part and file.suffix == ".py" and file.parent != work:
        return _as_module(root, work, file)
    return file.relative_to(work).as_posix(), work.relative_to(root).as_posix()


def _imports_from(work: Path, file: Path, source: PythonSource) -> bool:
    def is_there(folder: Path, name: str) -> bool:
        return (folder / name).is_dir() or (folder / f"{name}.py").is_file()

    names = {name.partition(".")[0] for name in source.imports}
    return any(is_there(work, name) for name in names) and not any(is_there(file.parent, name) for name in names)


def _as_module(root: Path, work: Path, file: Path) -> tuple[str, str]:
    base = work
    parts = file.relative_to(work).with_suffix("").parts
    if parts[0] == "src" and len(parts) > 2 and not (work / "src" / "__init__.py").is_file():
        base, parts = (work if _is_installable(work) else work / "src"), parts[1:]
    if not all(part.isidentifier() for part in parts):
        return file.relative_to(work).as_posix(), work.relative_to(root).as_posix()
    return f"-m {'.'.join(parts)}".removesuffix(".__main__"), base.relative_to(root).as_posix()
