"""`cache`: shows and clears what `reproduce` and `snapshot` keep for later runs."""

from __future__ import annotations

import json
import time

import click

from experimentstash.cli.terminal import HEAD, Cell, Table, show
from experimentstash.core.errors import FINDING, FINE, UsageError
from experimentstash.environments.cache_contents import SECONDS_PER_DAY, CacheEntry, cache_entries, remove_entry
from experimentstash.environments.environment_cache import cache_folder


@click.command("cache")
@click.argument("action", type=click.Choice(["show", "clear"]), default="show")
@click.option("--older-than", "days", type=click.IntRange(0), help="Only what was not used for this many days.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(action: str, days: int | None, as_json: bool) -> int:
    """Show or clear the cache: environments that `reproduce` built, and the hashes of packages.

    Everything in the cache is made again when it is needed. An environment that a process uses is not removed. The
    variable EXPERIMENTSTASH_CACHE moves the cache to another directory.

    Example: experimentstash cache clear --older-than 30
    """
    if as_json and action == "clear":
        raise UsageError("--json shows the cache; it does not go with clear")
    limit = time.time() - (days or 0) * SECONDS_PER_DAY
    entries = [entry for entry in cache_entries() if days is None or entry.used <= limit]
    if action == "clear":
        return _clear(entries)
    total = sum(entry.size for entry in entries)
    if as_json:
        listed = [entry.as_json() for entry in entries]
        click.echo(json.dumps({"directory": str(cache_folder()), "bytes": total, "entries": listed}, indent=2))
        return FINE
    rows: list[list[str | Cell]] = [
        [Cell(entry.kind, HEAD), _shown(entry.size), _days(entry), entry.facts.get("lock", entry.path.name)]
        for entry in entries
        if entry.kind != "hashes"
    ]
    hashes = [entry for entry in entries if entry.kind == "hashes"]
    if hashes:
        rows.append([Cell("hashes", HEAD), _shown(sum(one.size for one in hashes)), "", f"{len(hashes):,} files"])
    lines = list(Table(("kind", "size", "last used", "made from"), rows).lines()) if rows else []
    show([f"{cache_folder()}: {_shown(total)}", *lines])
    return FINE


def _clear(entries: list[CacheEntry]) -> int:
    kept = [entry for entry in entries if not remove_entry(entry)]
    removed = [entry for entry in entries if entry not in kept]
    click.echo(f"removed {len(removed):,} of {len(entries):,} entries, {_shown(sum(one.size for one in removed))}")
    for entry in kept:
        click.echo(f"kept {entry.path}: in use, or it cannot be removed")
    return FINDING if kept else FINE


def _days(entry: CacheEntry) -> str:
    days = int((time.time() - entry.used) // SECONDS_PER_DAY)
    return "today" if days < 1 else f"{days:,} day{'' if days == 1 else 's'} ago"


def _shown(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
