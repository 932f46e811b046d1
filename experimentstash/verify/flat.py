"""The rule `flat` (spec.md, *When a snapshot holds*): text in, problems out; no I/O.

A file is judged as a whole, by the events of PyYAML's C parser, one at a time: nothing is built from hostile text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from experimentstash.core.errors import Problem, short
from experimentstash.core.yaml_scalars import KINDS, YAML, construct, kind
from experimentstash.stash import config_paths
from experimentstash.stash.overrides import is_override
from experimentstash.stash.snapshot_file import LARGEST, refreeze_command
from experimentstash.verify import flat_memory

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from typing import TypeAlias

    from experimentstash.core.names import SnapshotName
    from experimentstash.stash.snapshot_file import Snapshot

    _Complaint: TypeAlias = tuple[int | None, str]  # the line, from 0, and what is wrong there

DEEPEST = 500
"""The maximum depth of nesting. OmegaConf fails at less."""
MOST = 500_000
"""The maximum number of YAML events. More take seconds to parse, and no config has as many."""
_MAX_FINDINGS = 50  # of one file: a hostile file has millions
_LONGEST_DOUBT = 1_000_000  # characters that PyYAML's own parser reads in about two seconds
_MISSING = "???"
_ROOTS = frozenset({"defaults", "hydra"})
_REMEMBERED, _LONGEST_REMEMBERED = 10_000, 200  # cached scalars (snapshots repeat them), and characters of one
_LATE_FORMS = {"LATE": "override KEY=VALUE", "LATE_AT": 'ADDRESS = "TEXT"'}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is missing from some builds of PyYAML
# In OmegaConf's lexer, an odd number of backslashes before `${` is an escape. Importing OmegaConf takes 68 ms; a test
# compares this pattern with it for every string of its alphabet up to five characters.
_BREAKS = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
"""Line breaks that end a comment in YAML (YAML 1.1, section 5.4), but that common editors do not show as breaks."""
_COMMENT = re.compile(r"[ \t\r]*(?:#.*)?(?:\n|$)")
_INSTRUCTION = re.compile(r"\s*#[\s#]*@")
_INTERPOLATION = re.compile(r"(?<!\\)(?:\\\\)*\$\{")


class _Missing(NamedTuple):
    """A `???` in a body: its key in an override (None if it has none), and its line (from 0)."""

    key: str | None
    line: int


class _Level:
    """An open list or mapping; for a mapping also the keys seen and the current key."""

    def __init__(self, *, is_mapping: bool) -> None:
        self.is_mapping = is_mapping
        self.seen: set[Hashable] = set()
        self.key: str | None = None
        self.component = ""
        self.index = -1

    @property
    def wants_key(self) -> bool:
        return self.is_mapping and self.key is None

    @property
    def name(self) -> str:
        """The current key or index in a dotted path."""
        return self.key or "" if self.is_mapping else str(self.index)

    @property
    def address(self) -> str:
        """The current key or index in an address."""
        return self.component if self.is_mapping else str(self.index)


def flat_problems(snapshot: Snapshot, name: SnapshotName) -> list[Problem]:
    """Judge the rule `flat` of spec.md, section *When a snapshot holds*.

    Args:
        snapshot: the parsed file.
        name: the name of the snapshot; its path is the place of the findings.

    Returns:
        The findings, the first 50 of them.
    """

    def problem(line: int | None, what: str) -> Problem:
        where = name.path if line is None else f"{name.path}:{line + 1}"
        return Problem(where, "flat", what, refreeze_command(name))

    text = snapshot.text
    if len(text) > LARGEST:
        return [problem(None, f"{len(text)} characters, too large for a config (at most {LARGEST})")]
    memory = flat_memory.current()
    if memory and memory.knows(text):
        return []
    breaks = list(islice(_break_complaints(text), _MAX_FINDINGS))  # such a line break shifts the line numbers of YAML
    found = breaks or [*_instruction_complaints(text), *_complaints(snapshot)]
    if memory and not found:
        memory.add(text)
    return [problem(line, what) for line, what in found[:_MAX_FINDINGS]]


def _break_complaints(text: str) -> Iterator[_Complaint]:
    for match in _BREAKS.finditer(text):
        line = text.count("\n", 0, match.start())
        yield line, f"a line break U+{ord(match[0]):04X}, which ends a comment for YAML alone"


def _instruction_complaints(text: str) -> Iterator[_Complaint]:
    """Yield the comments that Hydra reads as instructions (`# @package`): those above the first line of content."""
    start = number = 0
    while (match := _COMMENT.match(text, start)) and match.end() > start:
        if _INSTRUCTION.match(match[0]):
            yield number, f"an instruction to Hydra: {short(match[0].strip())}"
        start = match.end()
        number += 1


def _complaints(snapshot: Snapshot) -> list[_Complaint]:
    try:
        found = _walked(snapshot, _LOADER)
        doubted = "\t" in snapshot.text
    except yaml.YAMLError as error:
        # The scanner of libyaml 0.2.6 and later refuses 1,000 levels before it returns the events of the first 500.
        found, doubted = [_invalid_yaml(error, snapshot.text)], True
    if not doubted or len(snapshot.text) > _LONGEST_DOUBT:
        return found
    # OmegaConf uses the slow parser. The two differ at tabs and in a few other places.
    try:
        return _walked(snapshot, yaml.SafeLoader)
    except yaml.YAMLError as error:
        return [_invalid_yaml(error, snapshot.text)]


def _walked(snapshot: Snapshot, loader: type) -> list[_Complaint]:
    walk = _Walk()
    found = list(islice(walk.complaints(snapshot.text, loader), _MAX_FINDINGS))
    if not walk.ended:  # the unread rest may contain the `???` of a LATE line
        found += islice(_late_complaints(snapshot, walk.missing), _MAX_FINDINGS - len(found))
    return found


def _invalid_yaml(error: yaml.YAMLError, text: str) -> _Complaint:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f", column {mark.column + 1}" if mark else ""
        return mark.line if mark else None, f"no YAML{place}: {error.problem or error.context}"
    # libyaml counts a reader's position in bytes and PyYAML in characters; the bad character is the same
    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if bad is None:
        return None, f"no YAML: {error}"
    column = bad.start() - text.rfind("\n", 0, bad.start())
    return text.count("\n", 0, bad.start()), f"no YAML, column {column}: a control character"


def _late_complaints(snapshot: Snapshot, missing: dict[str, _Missing]) -> Iterator[_Complaint]:
    by_key = {value.key: address for address, value in missing.items() if value.key is not None}
    late: set[str] = set()
    for name, text, key in _late_lines(snapshot):
        address = by_key.get(key, key) if name == "LATE" else key
        if not key:
            yield None, f"{name} {short(text)} is no {_LATE_FORMS[name]}"
        elif address in late:
            yield None, f"{name} names {short(key)} twice"
        elif address not in missing or (name == "LATE" and key not in by_key):
            yield None, f"{name} names {short(key)}, and the body has no {_MISSING} there"
        late.add(address)
    for address, value in missing.items():
        if address not in late:
            shown = address if value.key is None else value.key
            yield value.line, f"{short(shown)} is {_MISSING} and has no LATE line"


def _late_lines(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Yield the name and text of each LATE and LATE_AT line, and its key (empty if the line is malformed)."""
    for text, key in zip(snapshot.all("LATE"), snapshot.late_keys, strict=True):
        yield "LATE", text, key if is_override(text) else ""
    for text in snapshot.all("LATE_AT"):
        yield "LATE_AT", text, config_paths.of_line(text)


class _Walk:
    """One pass over the events of a file.

    Attributes:
        missing: each `???`, by address.
        ended: whether the pass stopped before the end of the file.
    """

    def __init__(self) -> None:
        self.missing: dict[str, _Missing] = {}
        self.ended = False
        self._levels: list[_Level] = []
        self._spelled = 0

    def complaints(self, text: str, loader: Any) -> Iterator[_Complaint]:
        """Yield the problems of a file, each with its line (from 0).

        Raises:
            yaml.YAMLError: it is no YAML.
        """
        reader = loader(text)
        try:
            yield from self._complaints(iter(reader.get_event, None))  # the same as `yaml.parse`, in half the time
        finally:
            reader.dispose()

    def _complaints(self, events: Iterator[Any]) -> Iterator[_Complaint]:
        documents = 0
        for number, event in enumerate(events):
            line = event.start_mark.line
            if isinstance(event, yaml.ScalarEvent):
                if not self._is_plain(event):
                    yield from self._scalar(event, line)
            elif isinstance(event, yaml.CollectionStartEvent):
                yield from self._collection(event, line)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._levels.pop()
                self._leave_value()
            elif isinstance(event, yaml.AliasEvent):
                # the value of the alias is unknown, and so is the rest of a mapping if the alias is a key
                yield self._end(line, f"an alias, {short(str(event.anchor))}; write the value itself")
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    yield self._end(line, "a second YAML document")
            if number == MOST:
                yield self._end(line, f"more than {MOST} values, too many for a config")
            if self.ended:
                return
        if not documents:
            yield None, "there is no body; a config without values is '{}'"

    def _end(self, line: int, what: str) -> tuple[int, str]:
        self.ended = True
        return line, what

    def _enter_value(self) -> None:
        if self._levels:
            self._levels[-1].index += 1

    def _leave_value(self) -> None:
        if self._levels:
            self._levels[-1].key = None

    def _collection(self, event: Any, line: int) -> Iterator[_Complaint]:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        yield from _anchor_or_tag(event, line, frozenset({YAML + ("map" if is_mapping else "seq")}))
        if not self._levels and not is_mapping:
            yield self._end(line, "the body is a list, not a mapping")
        elif self._levels and self._levels[-1].wants_key:
            yield self._end(line, "a key that is a list or a mapping")
        elif len(self._levels) == DEEPEST:
            yield self._end(line, f"nested more than {DEEPEST} levels deep")
        self._enter_value()
        self._levels.append(_Level(is_mapping=is_mapping))

    def _is_plain(self, event: Any) -> bool:
        """Handle a key or a value without problems, as nearly all are, and return whether it was one.

        Gives the same result as `_scalar`, three times as fast.
        """
        text = event.value
        if event.anchor is not None or event.tag is not None or not self._levels or len(text) > _LONGEST_REMEMBERED:
            return False
        level = self._levels[-1]
        if level.key is not None or not level.is_mapping:
            if not _is_plain_value(text, event.implicit):
                return False
            level.index += 1
            level.key = None
            return True
        component = _plain_key(text, event.implicit)
        if not component or text in level.seen or (len(self._levels) == 1 and text in _ROOTS):
            return False
        level.key, level.component = text, component
        level.seen.add(text)
        return True

    def _scalar(self, event: Any, line: int) -> Iterator[_Complaint]:
        yield from _anchor_or_tag(event, line, KINDS)
        if not self._levels:
            yield self._end(line, "the body is a single value, not a mapping")
        elif self._levels[-1].wants_key:
            yield from self._key(event, line)
        else:
            self._enter_value()
            yield from self._value(event, line)
            self._leave_value()

    def _key(self, event: Any, line: int) -> Iterator[_Complaint]:
        level, text = self._levels[-1], event.value
        level.key, level.component = text, config_paths.component(text)
        tag = kind(event)
        if tag == f"{YAML}merge":
            yield line, "a merge key (<<); write the value itself"
            return
        try:
            key = construct(tag, text)
        except ValueError:
            yield from _unreadable(event, line, "key")
            return
        level.key, level.component = str(key), config_paths.component(key)
        if key is None:
            yield line, f"the key {short(text)} is null, which OmegaConf does not take"
        elif _same(key) in level.seen:
            yield line, f"the key {short(text)} occurs twice"
        elif key == "defaults" and len(self._levels) == 1:
            yield line, "a root `defaults`: Hydra would compose it again"
        elif key == "hydra" and len(self._levels) == 1:
            yield line, "a root `hydra`: Hydra would take it for settings of its own"
        level.seen.add(_same(key))

    def _value(self, event: Any, line: int) -> Iterator[_Complaint]:
        tag, text = kind(event), event.value
        if "${" in text and _INTERPOLATION.search(text):  # in values only: OmegaConf does not interpolate keys
            yield line, f"an interpolation: {short(text)}"
        if tag == f"{YAML}str":
            if text == _MISSING:  # also in quotes: OmegaConf does not distinguish
                yield from self._late(line)
            return
        try:
            construct(tag, text)
        except ValueError:
            yield from _unreadable(event, line, "value")

    def _late(self, line: int) -> Iterator[_Complaint]:
        names = [level.name for level in self._levels]
        key = None if any("." in name for name in names) else ".".join(names)
        address = ".".join(level.address for level in self._levels)
        self.missing.setdefault(address, _Missing(key, line))
        self._spelled += len(address)
        if self._spelled > LARGEST:
            yield self._end(line, f"too many {_MISSING}")


@lru_cache(maxsize=_REMEMBERED)
def _is_plain_value(text: str, implicit: tuple[bool, bool]) -> bool:
    """Return whether a value without a tag has no problem, at any place."""
    tag = kind(yaml.ScalarEvent(None, None, implicit, text))
    if "${" in text or text == _MISSING:
        return False
    try:
        construct(tag, text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=_REMEMBERED)
def _plain_key(text: str, implicit: tuple[bool, bool]) -> str:
    """Return the address component of a string key without a tag; empty for any other key."""
    return config_paths.component(text) if kind(yaml.ScalarEvent(None, None, implicit, text)) == f"{YAML}str" else ""


def _anchor_or_tag(event: Any, line: int, tags: frozenset[str]) -> Iterator[_Complaint]:
    if event.anchor is not None:
        yield line, f"an anchor, {short(event.anchor)}; write the value itself"
    if event.tag is not None and event.tag != "!" and event.tag not in tags:
        yield line, f"the tag {_shown(event.tag)}; a config holds plain values"


def _same(key: Hashable) -> Hashable:
    """Return a value that equal keys share. A hostile file can use numbers with one hash, which make a set slow."""
    if isinstance(key, float):
        return "a number", hex(int(key)) if key.is_integer() else repr(key)
    return ("a number", hex(key)) if isinstance(key, int) else key


def _unreadable(event: Any, line: int, what: str) -> Iterator[_Complaint]:
    if event.tag is None or event.tag in KINDS:  # `_anchor_or_tag` reports other tags
        yield line, f"a {what} that cannot be read as {_shown(kind(event))}: {short(event.value)}"


def _shown(tag: str) -> str:
    return short("!!" + tag.removeprefix(YAML) if tag.startswith(YAML) else tag)
