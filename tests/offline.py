"""No network: for programs that should need none."""

from __future__ import annotations

import shutil
from pathlib import Path

from conftest import run


def offline(**extra: str) -> dict[str, str]:
    """Return the variables that keep git, pip and uv from the network."""
    closed = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), closed)
    return {**proxies, "GIT_ALLOW_PROTOCOL": "none", "GIT_SSH_COMMAND": "false", **extra}


def cut_off(folder: Path) -> list[str]:
    """Return what a command is started with to have no network at all; nothing where this machine forbids that."""
    program = [shutil.which("unshare") or "", "-r", "-n"]
    works = program[0] != "" and run(*program, "true", cwd=folder).code == 0
    return program if works else []
