"""The Hydra callback that sends the composed config to the parent, and exits before the task runs."""

from __future__ import annotations

import atexit
import contextlib
import os
import pathlib
import re
import sys
import traceback
from typing import Any, Callable, Dict, List, Sequence, Set, Tuple

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime, env_override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from experimentstash_inside import answers, frozen_load, loaded, machine, secrets, sweeping
from experimentstash_inside import order as orders
from experimentstash_inside.addresses import dotted
from experimentstash_inside.apart import is_of_the_sweep
from experimentstash_inside.freezing import Freezing
from experimentstash_inside.overridetext import parse
from experimentstash_inside.settings import Settings, portable_with
from experimentstash_inside.sources import folder as source_folder
from experimentstash_inside.tracing import tracing, watched_resolvers

_UNTOLD = "Hydra has no override for it: the RERUN line does not contain it"
_LARGEST = 1_000_000  # bytes of a config file that is searched for what somebody typed


class Capture(Callback):
    """Hydra's public callback interface: called with the composed config before any user code runs."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Take the config of a single run."""
        leave_with(config, multirun=False)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Take the config that the jobs of a sweep are made from."""
        leave_with(config, multirun=True)


def leave_with(config: DictConfig, *, multirun: bool) -> None:
    """Send the composed config to the parent, and end the process without running a task."""
    order = orders.read()
    if order.report:
        leave_with_answer(
            order, lambda: {"composed": True} if order.mode == "validate" else facts(config, order, multirun=multirun)
        )


def leave_with_answer(order: orders.Order, answer: Callable[[], Dict[str, Any]]) -> None:
    """Answer the parent, and end the process without running a task."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        told = answer()
    except sweeping.SweepError as error:
        told = {"failed": str(error)}
    except Exception:  # noqa: BLE001  (whatever it is, the task must not run)
        # Hydra only warns when a callback fails, and would run the task.
        told = {"fault": traceback.format_exc()}
    _tell(order, told)
    _leave()


def _tell(order: orders.Order, told: Dict[str, Any]) -> None:
    """Answer the parent; if that cannot be written, as on a full disk, report it and end with exit code 1."""
    try:
        order.answer(told)
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stderr.write("experimentstash: %s: %s\n" % (order.report, error.strerror))
            sys.stderr.flush()
        os._exit(1)


def leave_without(why: str, fix: str) -> None:
    """Send the parent the reason why nothing was composed, and end the process."""
    orders.read().answer({"failed": why, "fix": fix})
    _leave()


def _leave() -> None:
    """End the process here: run its exit handlers, without waiting for threads and modules."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def facts(config: DictConfig, order: orders.Order, *, multirun: bool) -> Dict[str, Any]:
    """Return the data of a snapshot file; for a sweep with known jobs, also those of each job.

    Raises:
        SweepError: there is no such sweep, or a job of it does not compose.
    """
    hydra, typed = config.hydra, _typed_texts(config.hydra)
    sweep = sweeping.sweep_of(hydra) if multirun else sweeping.Sweep([])
    swept = [parse(line).key_or_group for line in sweep.lines] if sweep.jobs is None else []
    said: Dict[str, Any] = {
        "settings": Settings(hydra, _job_name(), portable_with(_roots(order))).lines,
        "multirun": multirun,
        "sweeper": str(hydra.sweeper._target_),
        "sweep": sweep.lines,
        "shaped": [] if sweep.jobs is not None else list(filter(sweeping.changes_the_shape, sweep.lines)),
        "rerun": not any(map(sweeping.changes_the_shape, _added(hydra, order))),
    }
    if sweep.jobs is None or sweep.given is None:
        said.update(_taken(config, order, typed, "run", swept))
        if multirun:
            said["unresolved"] = []  # where a job writes is decided with its own values
    else:
        said["jobs"] = [
            dict(_taken(job, order, typed, "sweep"), overrides=own, keys=list(map(sweeping.plain_key, own)))
            for own, job in zip(sweep.jobs, sweeping.configs(config, sweep.given))  # noqa: B905  (Python 3.8)
        ]
        said = {**said["jobs"][0], **said}
    said["files"] = _loaded_files(hydra, order)
    said["loaded"] = loaded.report()
    said["secrets"] = secrets.Secrets().values  # a program may load more than it is started with (`.env`)
    return said


def _taken(
    config: DictConfig, order: orders.Order, typed: Callable[..., bool], kind: str, swept: Sequence[str] = ()
) -> Dict[str, Any]:
    """Return the data of one composed config: of a run (`kind` is `run`), or of a job of a sweep (`sweep`)."""
    hydra = config.hydra
    unresolved, read = _make_output_dir(config, kind)
    HydraConfig.instance().set_config(config)
    task, roots = _task_config(config), _roots(order)
    with env_override(OmegaConf.to_container(hydra.job.env_set)), watched_resolvers():  # type: ignore[arg-type]
        freezing = Freezing(task, order.late, order.keep, roots, typed, swept, order.plain)
    portable = portable_with(roots)
    settings = Settings(hydra, _job_name(), portable)
    return {
        "body": freezing.body,
        "lines": freezing.lines,
        "notices": freezing.notices + [(key, _UNTOLD) for key in settings.untold],
        "missing": freezing.missing,
        "refused": freezing.refused,
        "exposed": freezing.exposed,
        "unresolved": unresolved,
        "varies": freezing.varies,
        "unsure": freezing.unsure,
        "unused": freezing.unused,
        "keys": freezing.keys if freezing.unused else [],
        "own_settings": [line for line in settings.lines if not is_of_the_sweep(line)] + settings.choices,
        "choices": settings.choices,
        "answers": answers.recorded(hydra, settings.lost, portable),
        "folders_read": read,
    }


def _job_name() -> str:
    name: str = JobRuntime.instance().get("name")
    return name


def _make_output_dir(config: DictConfig, kind: str) -> Tuple[List[str], Dict[str, List[str]]]:
    """Name the output directory as Hydra itself does before the task, so that a value that the user keeps has it.

    Returns:
        Why it has no name, and Hydra would not come to run the task; empty if it has one. And by setting the keys
        of the config that its name is made of.
    """
    HydraConfig.instance().set_config(config)
    places = ["hydra.run.dir"] if kind == "run" else ["hydra.sweep.dir", "hydra.sweep.subdir"]
    read: Dict[str, List[str]] = {}
    try:
        with watched_resolvers():
            folder = os.path.join(*(_resolved(config, place, read) for place in places))
    except OmegaConfBaseException as error:
        return ["%s cannot be resolved: %s" % (" or ".join(places), str(error).split("\n")[0])], read
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = os.path.abspath(folder)
    return [], read


def _resolved(config: DictConfig, place: str, read: Dict[str, List[str]]) -> str:
    with tracing() as trace:
        value = str(OmegaConf.select(config, place))
    read[place] = [dotted(path) for path in trace.nodes if path and path[0] != "hydra"]
    return value


def _task_config(config: DictConfig) -> DictConfig:
    """Remove Hydra's own node, as Hydra does in the copy for the task; this process no longer needs it."""
    with read_write(config), open_dict(config):
        del config["hydra"]
    return config


def _roots(order: orders.Order) -> Dict[str, str]:
    return machine.roots(os.getcwd(), order.root, order.stash)


def _typed_texts(hydra: DictConfig) -> Callable[..., bool]:
    """Return whether somebody wrote a text: it stands in a config file of the search path, or in an override.

    A shell writes `$HOME` out: an override counts only where it is asked for.
    """
    typed_now = "\n".join(sweeping.typed_overrides(hydra))
    texts: List[str] = []

    def typed(text: str, overrides: bool = False) -> bool:
        if not texts:
            for source in hydra.runtime.config_sources:
                texts.extend(_texts_below(source_folder(source.schema, source.path)))
        word = re.compile(r"(?<!\w)%s(?!\w)" % re.escape(text))
        return any(word.search(known) for known in [*texts, *([typed_now] if overrides else [])])

    return typed


def _texts_below(folder: str) -> List[str]:
    if not folder:
        return []
    files = sorted(pathlib.Path(folder).rglob("*.yaml"))
    return [file.read_text("utf-8", "replace") for file in files if file.stat().st_size < _LARGEST]


def _loaded_files(hydra: DictConfig, order: orders.Order) -> List[str]:
    """Return the files below the stash that this process took code or configs from: they tell the tools it uses."""
    inside = os.path.join(order.stash, "tools") + os.sep
    found: Set[str] = set()
    folders: Set[str] = set()
    for module in list(sys.modules.values()):
        # Some packages put objects of their own where a path should be (torch.classes).
        file, paths = getattr(module, "__file__", None), getattr(module, "__path__", None)
        folders.update([os.path.dirname(file)] if isinstance(file, str) else [])
        folders.update(path for path in (paths if isinstance(paths, list) else []) if isinstance(path, str))
    found.update(os.path.realpath(folder) for folder in folders if folder)
    found.update(os.path.realpath(source_folder(source.schema, source.path)) for source in hydra.runtime.config_sources)
    return sorted(place for place in found if (place + os.sep).startswith(inside))


def _added(hydra: DictConfig, order: orders.Order) -> List[str]:
    """Return the overrides that the program added to its own command line."""
    return [line for line in sweeping.typed_overrides(hydra) if line not in order.given] + sorted(frozen_load.left_out)
