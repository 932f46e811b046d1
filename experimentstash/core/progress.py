"""Progress: modules log each step of a long command; a command or hook shows the steps on stderr."""

from __future__ import annotations

import logging
import sys

from experimentstash.core.errors import printable


class _Steps(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"{printable(record.getMessage())} …", file=sys.stderr, flush=True)


def show_steps() -> None:
    """Show on stderr each step that a module of this package logs from now on."""
    logger = logging.getLogger("experimentstash")
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        logger.addHandler(_Steps())
