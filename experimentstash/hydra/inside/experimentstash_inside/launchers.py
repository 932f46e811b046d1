"""Replaces a recorded launcher that is not available on this machine by Hydra's own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from typing import Any, Callable, Dict, List

from omegaconf import OmegaConf

from experimentstash_inside.order import Order

_Load = Callable[..., Any]
_KEYS = ("hydra/launcher", "hydra.launcher.")
_gone: List[str] = []
"""The overrides of a launcher that is not available."""


def load_with_launcher(load: _Load, order: Order, loader: Any, call: Dict[str, Any]) -> Any:
    """Load a configuration with the recorded launcher, or else with Hydra's own, and say so.

    A launcher that the user typed is never replaced.
    """
    call = dict(call, overrides=[line for line in call["overrides"] if line not in _gone])
    recorded = [line for line in call["overrides"] if line.lstrip("+").startswith(_KEYS)]
    if not recorded or any(line in order.overrides for line in recorded):
        return load(loader, **call)
    without = dict(call, overrides=[line for line in call["overrides"] if line not in recorded])
    try:
        config = load(loader, **call)
        why = _lack(config.hydra.launcher) if _is_sweep(config, call) else ""
    except Exception as error:  # noqa: BLE001  (Hydra's errors and a plugin's own)
        config = load(loader, **without)  # if this fails too, it was not the launcher
        why = _reason(str(error))
    if not why:
        return config
    _gone.extend(recorded)
    sys.stderr.write(
        "experimentstash: %s: %s; Hydra's basic launcher runs the jobs, one after the other\n"
        "    fix: experimentstash run %s hydra/launcher=NAME  # for another one\n" % (recorded[0], why, order.replay)
    )
    return load(loader, **without)


def _reason(message: str) -> str:
    """Return why a launcher does not load, from Hydra's message."""
    if "Could not find 'hydra/launcher/" in message:
        return "it is not installed in the tool's environment"
    return "it cannot be loaded here: %s" % message.strip().split("\n")[0]


def _is_sweep(config: Any, call: Dict[str, Any]) -> bool:
    """Return whether a launcher carries the jobs; a single run starts none. Hydra 1.1 has no `hydra.mode`."""
    mode = config.hydra.mode if "mode" in config.hydra else call.get("run_mode")
    return getattr(mode, "name", mode) == "MULTIRUN"


def _lack(launcher: Any) -> str:
    """Return why a launcher cannot run jobs here; empty if it can, as far as can be known."""
    target = str(OmegaConf.select(launcher, "_target_") or "")
    module, _, name = target.rpartition(".")
    if name == "SlurmLauncher" and shutil.which("sbatch") is None:
        return "there is no SLURM on this machine (no sbatch on PATH)"
    try:
        known = not module or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        known = False
    return "" if known else "%s is not installed in the tool's environment" % module
