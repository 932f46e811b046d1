"""Two runs compared: each recorded file with its partner, by bytes first and then by values."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from experimentstash.core.errors import listed
from experimentstash.core.secrets import without_names
from experimentstash.stash.results.collect import late_texts, survey, with_content, without_machine
from experimentstash.stash.results.comparison_report import FileResult, FileVerdict, Report, ordered
from experimentstash.stash.results.pairing import pair
from experimentstash.stash.results.summary import Keep
from experimentstash.stash.results.tolerance import Gap, compare_series, rests_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from experimentstash.stash.results.comparison_rules import Rules
    from experimentstash.stash.results.manifest import Content, File, Manifest, Series
    from experimentstash.stash.results.pairing import Pair


def check(recorded: Manifest, folder: Path, rules: Rules, late: Sequence[tuple[str, str]] = ()) -> Report:
    """Compare a run directory with recorded results. Files with the same bytes are not parsed.

    Args:
        recorded: the manifest of the snapshot.
        folder: the new run directory.
        rules: the ignored files, and the tolerances.
        late: texts of late values: in the recorded run, and in the new one.

    Raises:
        StashError: the directory cannot be read, or changes meanwhile.
    """
    texts = late_texts(folder, [new for _, new in late])

    def read(file: File, partner: File) -> File:
        series = len(partner.content.series) if partner.content else 0
        return without_machine(with_content(folder, file, Keep(late=texts, series=series, share=recorded.share)))

    return compare(recorded, survey(folder, rules), rules, late, read, without_names)


def compare(
    recorded: Manifest,
    new: Manifest,
    rules: Rules,
    late: Sequence[tuple[str, str]] = (),
    read: Callable[[File, File], File] = lambda file, _: file,
    recorded_as: Callable[[str], str] = str,
) -> Report:
    """Compare two manifests.

    Args:
        recorded: the results of the first run.
        new: the results of the second.
        rules: the ignored files, and the tolerances.
        late: texts of late values in the two runs.
        read: returns a new file with the values that its recorded partner has; called only if bytes differ.
        recorded_as: how a path of the second run would be recorded.
    """
    left_out = [file for file in recorded.files if rules.leaves_out(file.path)]
    files = [FileResult(file.path, FileVerdict.LEFT_OUT, detail=rules.leaves_out(file.path)) for file in left_out]
    old_files, new_files = _counted(recorded.files, rules), _counted(new.files, rules)
    pairing = pair(_digests(old_files), _digests(new_files), late, recorded_as)
    for two in pairing.pairs:
        files.append(_compared(two, old_files[two.old], new_files[two.new], rules, read))
    files += [FileResult(path, FileVerdict.MISSING) for path in pairing.missing]
    files += [FileResult(path, FileVerdict.NEW) for path in pairing.new]
    notes = (*(f"{note} (recorded)" for note in recorded.notes), *new.notes)
    return Report(ordered(files), _tolerances(rules), notes)


def _counted(files: Iterable[File], rules: Rules) -> dict[str, File]:
    return {file.path: file for file in files if not rules.leaves_out(file.path)}


def _digests(files: dict[str, File]) -> dict[str, str]:
    return {path: file.sha256 for path, file in files.items()}


def _tolerances(rules: Rules) -> tuple[str, ...]:
    """Return the effective tolerances in words, without those that a later one replaces."""
    allowed: dict[tuple[str, str, str], float] = {}
    for setting in rules.settings:
        place = (setting.file, setting.key)
        for name, value in (("rtol", setting.rtol), ("atol", setting.atol)):
            if value is not None:
                over = [had for had in allowed if had[0] == name and place in (had[1:], ("*", "*"))]
                for had in over:
                    del allowed[had]
                allowed[name, setting.file, setting.key] = value
    said = [f"{name} {value:g} for {_place(file, key)}" for (name, file, key), value in allowed.items()]
    return (*said, *(f"{_place(file, key)} left out" for file, key in dict.fromkeys(rules.ignore_keys)))


def _place(file: str, key: str) -> str:
    keys = "all values" if key == "*" else f"{key!r}"
    return keys if file == "*" else f"{keys} in {file!r}"


def _compared(two: Pair, old: File, new: File, rules: Rules, read: Callable[[File, File], File]) -> FileResult:
    now = new.path if new.path != old.path else ""
    paired = f"{two.how}, {two.guessed}" if two.guessed else two.how
    if old.sha256 == new.sha256:
        return FileResult(old.path, FileVerdict.IDENTICAL, now, paired)
    sizes = f"{old.size:,} bytes" if old.size == new.size else f"{old.size:,} bytes are now {new.size:,}"
    if old.content is None:
        why = f"; {old.note}" if old.note else ""
        return FileResult(old.path, FileVerdict.DIFFERENT, now, paired, f"other bytes ({sizes}){why}")
    new = read(new, old)
    if new.content is None:
        return FileResult(
            old.path, FileVerdict.DIFFERENT, now, paired, f"other bytes ({sizes}); now {new.note or 'unread'}"
        )
    return _by_values(FileResult(old.path, FileVerdict.WITHIN, now, paired), old.content, new.content, rules)


def _by_values(frame: FileResult, old: Content, new: Content, rules: Rules) -> FileResult:
    mine, theirs = _series(frame.path, old, rules), _series(frame.path, new, rules)
    left_out = tuple(sorted({part.name for part in (*old.series, *new.series)} - mine.keys() - theirs.keys()))
    wrong = _wrong_names(old.kind, new.kind, list(mine), list(theirs))
    both = [name for name in mine if name in theirs]
    found = {name: compare_series(mine[name], theirs[name], rules.tolerance(frame.path, name)) for name in both}
    wrong = wrong or next((close.wrong for close in found.values() if close.wrong), "")
    gap = reduce(Gap.widened, (close.gap for close in found.values()), Gap())
    whole = [mine[name] for name in both if found[name].whole]
    partly = [mine[name] for name in both if not found[name].whole]
    same = "what is compared is the same" if left_out else "the same values in other bytes"
    detail = "" if gap.absolute or partly else same
    return FileResult(
        frame.path,
        FileVerdict.DIFFERENT if wrong else FileVerdict.WITHIN,
        frame.now,
        frame.paired,
        wrong or detail,
        gap,
        rests_on(whole, partly),
        left_out,
    )


def _series(path: str, content: Content, rules: Rules) -> dict[str, Series]:
    return {part.name: part for part in content.series if not rules.leaves_out_key(path, part.name)}


def _wrong_names(old_kind: str, new_kind: str, old: list[str], new: list[str]) -> str:
    if old_kind != new_kind:
        return f"{old_kind} is now {new_kind}"
    for what, names in (
        ("missing", [n for n in old if n not in set(new)]),
        ("new", [n for n in new if n not in set(old)]),
    ):
        if names:
            return f"{listed(names, 3)}: {what}"
    return "its columns stand in another order" if old != new else ""
