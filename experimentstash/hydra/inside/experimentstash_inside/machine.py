"""Recognizes data of this machine that must not be in a frozen file: paths, users and host names."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import re
import sys
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .secrets import Secrets, is_secret_name  # relative: the program outside uses this module too
from .tokens import holds_any

_PERSONAL = frozenset("USER LOGNAME USERNAME HOSTNAME HOST HOME PWD OLDPWD TMPDIR TEMP TMP SHELL PATH".split())
_ABSOLUTE = re.compile(r"/|~|[A-Za-z]:[\\/]|\\\\|file:/")
_START, _END = r"(?<![\w.~}-])", r"(?=$|[/\\:;,\s'\"\])}])"  # where a directory's path begins and ends
COMMON = frozenset(
    "root user users home data admin local localhost test tests tmp guest nobody ubuntu debian docker container node "
    "host worker runner ci build jenkins jovyan app main train model models work base default common shared src lib "
    "bin etc opt var usr mnt srv run scratch project projects dev master slurm".split()
)
"""Names that many machines have, and words of many paths: they tell nothing of this one."""
_GENERIC = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  (compared with, not used)
_LARGEST = 1_000_000  # bytes of a source file that is searched for what somebody typed


def is_machine_value(name: str, value: str) -> bool:
    """Return whether what the variable `name` holds belongs to this machine: a path of it, a person, a secret."""
    return (
        is_secret_name(name)
        or name.upper() in _PERSONAL
        or _ABSOLUTE.match(value) is not None
        or Secrets({name: value}).find(value) is not None
        or re.match(r"https?://[^/\s@]+@", value) is not None
        or any(_holds_path(value, place) for place in places())
        or any(person == value for person in people())
    )


def is_machine_text(value: str) -> bool:
    """Return whether a text that a resolver made holds a path of this machine, its user or its name."""
    return _here().may_be_in(value) and (
        any(_holds_path(value, place) for place in [*places(), *_here().programs])
        or _drawn_folder(value)
        or _without_people(value) is not None
        or is_person(value)
    )


class _Here(NamedTuple):
    """What identifies this machine.

    Attributes:
        people: the names of the machine and its user, each with the variable that has it; empty if none has it.
        places: its own directories: the home, the working directory, a temporary directory of its own.
        programs: the interpreter and its environment.
        temporary: the directory for temporary files.
    """

    people: Dict[str, str]
    places: List[str]
    programs: List[str]
    temporary: str

    @property
    def marks(self) -> Tuple[str, ...]:
        """What stands in every text that holds something of it."""
        return (*self.people, *self.places, *self.programs, self.temporary)

    def may_be_in(self, text: str) -> bool:
        """Return whether a text may hold something of it."""
        return holds_any(text, self.marks)


_VARIABLES = ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "HOST")
_PLACES = ("HOME", "PWD", "TMPDIR")


def _here() -> _Here:
    return _found(os.getcwd(), sys.executable, *(os.environ.get(name, "") for name in (*_VARIABLES, *_PLACES)))


@functools.lru_cache(maxsize=8)
def _found(cwd: str, executable: str, *environ: str) -> _Here:
    names: Dict[str, str] = {}
    for variable, value in zip(_VARIABLES, environ):  # noqa: B905  (Python 3.8)
        names.setdefault(value, variable)
    with contextlib.suppress(KeyError):  # a container's user may have no entry
        names.setdefault(pwd.getpwuid(os.getuid()).pw_name, "")
    node = os.uname().nodename
    names.setdefault(node, "")
    names.setdefault(node.partition(".")[0], "")
    home = os.path.expanduser("~")
    own = {place.rstrip("/") for place in (home, os.path.realpath(home), cwd, *environ[-2:])}
    return _Here(
        {name: variable for name, variable in names.items() if name and name != "localhost"},
        sorted((place for place in own if place and place not in _GENERIC), key=len, reverse=True),
        [place for place in {executable, sys.prefix} if place.count("/") > 2],
        tempfile.gettempdir(),
    )


def people() -> Dict[str, str]:
    """Return the names of this machine and its user, each with the variable that has it; empty if none has it."""
    return _here().people


def marks(roots: Dict[str, str]) -> Tuple[str, ...]:
    """Return what stands in every text that holds something of this machine: most texts of a config hold none."""
    return tuple(dict.fromkeys([*roots, *_here().marks]))


def places() -> List[str]:
    """Return the directories that are this machine's own, longest first."""
    return _here().places


def is_person(text: str) -> bool:
    """Return whether a text is the name of this machine or of its user."""
    return text in people()


def is_rare_name(text: str) -> bool:
    """Return whether a text is the name of this machine or of its user, and few have such a name."""
    return is_person(text) and text.lower() not in COMMON


def _drawn_folder(value: str) -> bool:
    """Return whether a path lies in a directory that `tempfile` made."""
    drawn = re.escape(os.path.join(_here().temporary, tempfile.gettempprefix())) + r"[a-z0-9_]{8}(?![a-z0-9_])"
    return re.search(drawn, value) is not None


def _holds_path(value: str, place: str) -> bool:
    return re.search(_START + re.escape(place) + _END, value) is not None


def _without_people(value: str) -> Optional[str]:
    """Return an absolute path without the names of the machine and its user among its parts, or None."""
    known = people()
    if not _ABSOLUTE.match(value):
        return None
    parts = re.split(r"([/\\])", value)
    changed = [_named(known[part]) if part in known and part.lower() not in COMMON else part for part in parts]
    return None if changed == parts else "".join(changed)


def _named(variable: str) -> str:
    return "${oc.env:%s}" % variable if variable else "???"


def mentioned(value: str) -> Optional[str]:
    """Return a text without the names of the machine and its user, wherever they stand in it as words; or None."""
    changed = value
    for name, variable in people().items():
        if name.lower() not in COMMON:
            changed = re.sub(r"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])" % re.escape(name), _named(variable), changed)
    return None if changed == value else changed


def roots(cwd: str, *folders: str) -> Dict[str, str]:
    """Return directories of this machine and how a config can name each on any machine, longest first.

    Args:
        cwd: the working directory of the tool.
        folders: further ones that are found from there: the tool's, the stash's.
    """
    home, temporary = os.path.expanduser("~"), os.environ.get("TMPDIR", "").rstrip("/")
    found = {cwd: "${hydra:runtime.cwd}"}
    for folder in folders:
        if folder:
            found.setdefault(folder, "${hydra:runtime.cwd}/%s" % os.path.relpath(folder, cwd))
    if len(temporary) > 1 and temporary not in _GENERIC:
        found.setdefault(temporary, "${oc.env:TMPDIR}")
    for place in (home, os.path.realpath(home)):
        if len(place) > 1:
            found.setdefault(place, "${oc.env:HOME}")
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def portable(value: str, roots: Dict[str, str]) -> Optional[str]:
    """Return `value` with each directory of `roots` and of a user as its interpolation, or None if it has none.

    A part that no interpolation names is `???`, and so is then the whole.

    Args:
        value: a text of the config that no interpolation made.
        roots: interpolation by directory, longest directory first.
    """
    if not _here().may_be_in(value) and not any(folder in value for folder in roots):
        return None
    changed = value
    for folder, interpolation in roots.items():
        changed = interpolation.join(re.split(_START + re.escape(folder) + _END, changed))
    changed = _without_people(changed) or changed
    return None if changed == value else "???" if "???" in changed else changed


def portable_default(value: str, roots: Dict[str, str]) -> Optional[str]:
    """Return what `portable` does for a text that was worked out while the tool was imported, and nobody typed.

    Such a text may also hold the temporary directory, the interpreter, or the machine's name as a word.
    """
    here = _here()
    if not here.may_be_in(value):
        return None
    temporary = here.temporary
    known = {temporary: "${oc.env:TMPDIR,%s}" % temporary, **roots} if temporary in _GENERIC else roots
    changed = portable(value, known) or value
    changed = _named(people()[value]) if is_person(value) else changed
    changed = mentioned(changed) or changed
    if "???" in changed or _drawn_folder(value) or any(_holds_path(changed, place) for place in here.programs):
        return "???"
    return None if changed == value else changed


def texts_of(value: Any) -> Iterator[str]:
    """Yield each text of a value, keys too; of bytes, what they are as UTF-8."""
    seen = [value]
    while seen:
        part = seen.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, bytes):
            yield part.decode("utf-8", "replace")
        elif isinstance(part, os.PathLike):
            yield str(part)
        elif isinstance(part, (list, tuple)):
            seen += part
        elif isinstance(part, dict):
            seen += [*part, *part.values()]


def is_typed_in_source(text: str) -> bool:
    """Return whether a text stands, in quotes, in a source file of the tool: somebody wrote it there as it is."""
    quoted = ('"%s"' % text, "'%s'" % text)
    return any(form in source for source in _sources() for form in quoted)


def _sources() -> Iterator[str]:
    outside = tuple(os.path.join(place, "lib") for place in (sys.prefix, sys.base_prefix))
    own = os.path.dirname(__file__)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or file.startswith((*outside, own)):
            continue
        with contextlib.suppress(OSError):
            if os.path.getsize(file) < _LARGEST:
                with open(file, encoding="utf-8", errors="replace") as source:
                    yield source.read()
