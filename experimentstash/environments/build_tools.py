"""Installs missing build programs (uv, poetry), each into its own environment in the cache."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from experimentstash.core.errors import StashError
from experimentstash.environments.build_request import BuildRequest, run
from experimentstash.environments.environment_cache import make_whole
from experimentstash.environments.installers import OLDEST_UV, Step, filler

_log = logging.getLogger(__name__)

_WANTED = {
    "uv": (f"uv>={'.'.join(map(str, OLDEST_UV))}", "install uv, https://docs.astral.sh/uv"),
    "poetry": ("poetry>=2,<3", "install poetry, https://python-poetry.org"),
}


def helper(order: BuildRequest, name: str, uv: Path | None) -> Path:
    """Return the program `name`, installed from the package index into the cache.

    Args:
        order: the build request.
        name: `uv` or `poetry`.
        uv: uv, if it exists; else venv and pip do it.

    Raises:
        StashError: it is not available; the message gives the command that installs it.
    """
    requirement, fix = _WANTED[name]
    place = order.cache / "helpers" / name

    def make(folder: Path) -> None:
        _log.info("fetching %s, which builds %s", name, order.lock.name)
        try:
            fill = filler(Path(sys.executable), uv)
            run(order, [fill.make(folder), Step([*fill.install(folder), requirement], place)], place)
        except StashError as error:
            what = f"{order.title}: {order.lock.name} is built by {name}, which is not on the PATH"
            raise StashError(f"{what} and could not be fetched:\n{error.args[0]}", fix) from None

    folder, _ = make_whole(place, {"program": requirement}, make)
    return folder / "bin" / name
