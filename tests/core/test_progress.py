"""Steps of a long command: logged by each module, and shown where somebody asked."""

from __future__ import annotations

import sys
from pathlib import Path

from conftest import Ran, run

STEPS = """\
import logging, sys
from experimentstash.core.progress import show_steps
log = logging.getLogger("experimentstash.freeze.freeze")
log.info("composing %s", "unseen")
show_steps()
show_steps()
log.info("composing %s", "a\\x1b[31mb")
"""


def test_a_step_is_shown_once_and_only_where_it_was_asked_for(tmp_path: Path) -> None:
    assert run(sys.executable, "-c", STEPS, cwd=tmp_path) == Ran(0, "", "composing a\\x1b[31mb …\n")
