"""Writes the report as one HTML page: without network or external scripts; content of a stash is only text.

The content of a stash is in the page twice: as escaped HTML, for the timeline and the list of snapshots, and as JSON,
which the page's own script turns into text nodes, for the comparison and the plots.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from experimentstash.core.names import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LANE, _STEP, _LEFT = 28, 18, 150  # pixels of the timeline


def report_page(data: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        data: from `report_data.report_data`.
    """
    style, script = (_own(name) for name in ("report.css", "report.js"))
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, default=str, separators=(",", ":"))
    embedded = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    title = f"Snapshots of {escape(data['stash'])}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<article>
<h1>{title}</h1>
<p>{_summary(data["tags"])}</p>
<h2>Timeline</h2>
<div class="wide">{_timeline(data["tags"])}</div>
<h2>Compare</h2>
<noscript><p>The comparison and the plots need JavaScript.</p></noscript>
<form id="choice" class="screen"></form>
<div class="wide" id="comparison"></div>
<h2>Figures</h2>
<div id="plots"></div>
<h2>Snapshots</h2>
{"".join(map(_tag, reversed(data["tags"])))}
</article>
<script type="application/json" id="data">{embedded}</script>
<script>{script}</script>
</body>
</html>
"""


def _own(name: str) -> str:
    return (files("experimentstash.history") / "page" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _summary(tags: Sequence[Mapping[str, Any]]) -> str:
    broken = sum(not tag["holds"] for tag in tags)
    snapshots = sum(len(tag["snapshots"]) for tag in tags)
    held = "all hold" if not broken else f"{broken:,} of them {'does' if broken == 1 else 'do'} not hold"
    return f"{snapshots:,} snapshots under {len(tags):,} tags; {held}." if tags else "Nothing is frozen yet."


def _timeline(tags: Sequence[Mapping[str, Any]]) -> str:
    """Return a lane for each tool: a dot for each tag, by time, and a bar for each pin."""
    pins = [{tool: pin for one in tag["snapshots"] for tool, pin in one["commits"].items()} for tag in tags]
    tools = sorted({tool for pin in pins for tool in pin})
    width, height = _LEFT + _STEP * (len(tags) + 1), _LANE * len(tools)
    parts = [f'<svg class="timeline" width="{width}" height="{height}" role="img" aria-label="Pins by tag">']
    for lane, tool in enumerate(tools):
        y = _LANE * lane + _LANE // 2
        parts.append(f'<text x="0" y="{y + 4}">{escape(tool)}</text>')
        parts += _bars([(number, pin[tool]) for number, pin in enumerate(pins) if tool in pin], y)
        for number, (tag, pin) in enumerate(zip(tags, pins, strict=True)):
            if tool in pin:
                told = escape(f"{tag['tag']} {tag['date'][:10]}: {tool} at {pin[tool][:SHORT]}")
                shape = "good" if tag["holds"] else "bad"
                dot = f'<circle class="{shape}" cx="{_x(number)}" cy="{y}" r="5"><title>{told}</title></circle>'
                parts.append(dot)
    return "".join([*parts, "</svg>"])


def _bars(points: Sequence[tuple[int, str]], y: int) -> Iterator[str]:
    """Yield a bar for each run of tags with the same pin; a gap marks a changed pin."""
    start = 0
    for end in range(1, len(points) + 1):
        if end == len(points) or points[end][1] != points[start][1]:
            first, last = _x(points[start][0]) - 6, _x(points[end - 1][0]) + 6
            yield f'<rect x="{first}" y="{y - 8}" width="{last - first}" height="16" rx="8"/>'
            start = end


def _x(number: int) -> int:
    return _LEFT + _STEP * number + _STEP // 2


def _tag(tag: Mapping[str, Any]) -> str:
    state = '<span class="good">holds</span>' if tag["holds"] else '<span class="bad">does not hold</span>'
    date = escape(tag["date"][:16].replace("T", " "))
    lines = [
        f'<section class="tag"><h3>snapshot/{escape(tag["tag"])} {state}</h3>',
        f"<p>{date} <code>{escape(tag['commit'][:SHORT])}</code> {escape(tag['message'])}</p>",
        *(f'<p class="bad">{escape(line)}</p>' for line in filter(None, [tag["complaint"], *tag["problems"]])),
        *(f"<p>Reproduced: {escape(line)}</p>" for line in tag["reproductions"]),
        f"<p>Reproduce: <code>{escape(tag['reproduce'])}</code></p>" if tag["snapshots"] else "",
        *map(_snapshot, tag["snapshots"]),
        "</section>",
    ]
    return "".join(lines)


def _snapshot(snapshot: Mapping[str, Any]) -> str:
    commits = ", ".join(f"{tool} {pin[:SHORT]}" for tool, pin in snapshot["commits"].items())
    facts = "".join(f"<li>{escape(key)}: <code>{escape(text)}</code></li>" for key, text in snapshot["facts"].items())
    overrides = f"<li>overrides: <code>{escape(' '.join(snapshot['overrides']))}</code></li>"
    notes = "".join(f'<li class="bad">{escape(note)}</li>' for note in snapshot["notes"])
    return (
        f"<details><summary>{escape(snapshot['name'])}: {escape(commits)}</summary><ul>{notes}"
        f"<li>run here: <code>{escape(snapshot['run'])}</code></li>"
        f"{overrides if snapshot['overrides'] else ''}{facts}</ul></details>"
    )
