"""Possible causes of different results: config, code, packages, data and platform, the narrowest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experimentstash.history.comparison import Comparison, Row

KINDS = {
    "config": ("config", "override"),
    "code": ("code",),
    "packages": ("packages",),
    "data": ("late",),
    "platform": ("platform",),
}
"""The kinds of causes, and the parts of a comparison that show each. The paths of data are late values."""


@dataclass(frozen=True)
class Cause:
    """A possible cause of different results.

    Attributes:
        kind: one of `KINDS`.
        rows: its differences.
        size: the number of differences; for code, of the commits in between, if known.
    """

    kind: str
    rows: tuple[Row, ...]
    size: int


@dataclass(frozen=True)
class Explanation:
    """The possible causes of different results of two snapshots.

    Attributes:
        comparison: the comparison.
        causes: the causes, the narrowest first.
        same: the kinds without a difference.
        unknown: the kinds that one side did not record.
    """

    comparison: Comparison
    causes: tuple[Cause, ...]
    same: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def results(self) -> str:
        """Whether the results differ, in a sentence."""
        report = self.comparison.report
        return report.verdict if report else "the results cannot be compared: one side recorded none"

    @property
    def conclusion(self) -> str:
        """The conclusion, in a sentence."""
        if self.comparison.report and self.comparison.report.holds:
            return "nothing has to be explained"
        if not self.causes:
            return (
                "nothing that is recorded differs: look at data outside of git, at the hardware, and at what is not"
                " deterministic"
            )
        if len(self.causes) == 1 and not self.unknown:
            return f"of what is recorded, only the {self.causes[0].kind} differs"
        return f"{' and '.join(cause.kind for cause in self.causes)} differ; the narrowest comes first"

    def as_json(self) -> dict[str, Any]:
        """Return it as `why --json` prints it."""
        return {
            "old": {"tag": self.comparison.old.label, "experiment": self.comparison.old.name.title},
            "new": {"tag": self.comparison.new.label, "experiment": self.comparison.new.name.title},
            "results": self.results,
            "causes": [
                {"kind": cause.kind, "size": cause.size, "rows": [row.as_json() for row in cause.rows]}
                for cause in self.causes
            ],
            "same": list(self.same),
            "unknown": list(self.unknown),
            "conclusion": self.conclusion,
        }


def explain(comparison: Comparison) -> Explanation:
    """Return the possible causes of different results."""
    causes, same, unknown = [], [], []
    for kind, parts in KINDS.items():
        rows = tuple(row for part in parts for row in comparison.changed(part))
        known = kind in ("config", "code", "data") or any(row.part in parts for row in comparison.rows)
        if rows:
            commits = len(comparison.commits) if kind == "code" else 0
            causes.append(Cause(kind, rows, commits or len(rows)))
        elif known:
            same.append(kind)
        else:
            unknown.append(kind)
    order = list(KINDS)
    causes.sort(key=lambda cause: (cause.size, order.index(cause.kind)))
    return Explanation(comparison, tuple(causes), tuple(same), tuple(unknown))
