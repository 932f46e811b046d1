"""Records and restores values of `HydraConfig` that no override can restore: the `ANSWER` lines.

A line is `KEY=VALUE`, the key below `hydra`, the value in JSON: `job.config_name="config"`.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional

from hydra._internal import config_loader_impl
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experimentstash_inside.overridetext import parse, raw_lines
from experimentstash_inside.replaying import header_lines

KEY = "ANSWER"
_OF_A_RUN = (
    "runtime.cwd",
    "runtime.output_dir",
    "runtime.version",
    "runtime.version_base",
    "runtime.config_sources",
    "run",
    "sweep",
    "launcher",
    "overrides.hydra",
    "job.id",
    "job.num",
)
"""Settings that differ from run to run, or from machine to machine."""
_NOT_KEPT = ("hydra.run.", "hydra.sweep.", "hydra.mode=RUN", "hydra.callbacks.experimentstash")
_SWEEPS = "hydra.mode=MULTIRUN"
_CHOSEN_BY_WHOEVER_RUNS = ("hydra/launcher", "hydra/sweeper")
_dirname: Any = getattr(config_loader_impl, "get_overrides_dirname", None)  # Hydra 1.4 resolves it when it is read


def depends_on_the_run(path: str) -> bool:
    """Return whether Hydra's value at `path`, such as `runtime.cwd`, differs from run to run.

    Args:
        path: the argument of the resolver `hydra`: a key below `hydra`, also in brackets.
    """
    place = re.sub(r"\[['\"]?([^\]'\"]*)['\"]?\]", r".\1", path).strip(".")
    of_a_run = [*_OF_A_RUN, *_copied_variables()]
    return not place or any(_overlap(place, key) for key in of_a_run)


def _copied_variables() -> List[str]:
    """Return the keys of environment variables that Hydra copies from this machine."""
    return ["job.env_set.%s" % name for name in HydraConfig.get().job.env_copy]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def recorded(hydra: DictConfig, lost: Dict[str, Any], portable: Callable[[Any], Any]) -> List[str]:
    """Return the `ANSWER` lines of a composed config.

    Args:
        hydra: Hydra's own node, composed.
        lost: settings by key below `hydra` that no override can set.
        portable: removes data of this machine from a value.
    """
    raw: Any = OmegaConf.to_container(hydra, resolve=False, enum_to_str=True)
    typed = [line for line in raw["overrides"]["hydra"] if not line.lstrip("+~").startswith(_NOT_KEPT)]
    told = {
        "job.config_name": raw["job"]["config_name"],
        "overrides.task": raw["overrides"]["task"],
        "overrides.hydra": typed,
        "runtime.choices": raw["runtime"]["choices"],
        **lost,
    }
    # What was typed is redacted beside the `OVERRIDE` lines, which say the same.
    told = {key: value if key == "overrides.task" else portable(value) for key, value in told.items()}
    return ["%s=%s" % (key, json.dumps(value)) for key, value in told.items()]


class Answers(Dict[str, Any]):
    """The answers of a snapshot, by key below `hydra`.

    Attributes:
        sweeps: whether the snapshot is a sweep, or a job of one that is run as a whole.
        swept: where the sweeper chooses the jobs as it runs: the keys that it chooses values for, else None.
    """

    sweeps = False
    swept: Optional[FrozenSet[str]] = None

    def of_sweep(self) -> Answers:
        """Return those for the config that the jobs are made of, which the sweeper reads.

        A sweeper that chooses the jobs gets what it got when the sweep was frozen. Another one gets the SWEEP lines.
        """
        not_read = ("overrides.", "sweeper.params") if self.sweeps else ("overrides.",)
        if self.swept is not None:
            not_read = ("overrides.hydra",)
        answers = Answers({key: value for key, value in self.items() if not key.startswith(not_read)})
        answers.sweeps, answers.swept = self.sweeps, self.swept
        return answers

    def fixed(self, lines: Iterable[str], typed: Iterable[str]) -> List[str]:
        """Return those overrides of a job that its frozen config has already.

        Args:
            lines: the overrides that the sweeper gives the job.
            typed: the overrides that the user typed now.
        """
        if self.swept is None:
            return []
        keys = {_key(line) for line in self["overrides.task"]} - self.swept - set(map(_key, typed))
        return [line for line in lines if _key(line) in keys]


def of_header(lines: Iterable[Any], typed: Iterable[str] = ()) -> Answers:
    """Return the answers of the header lines of a snapshot.

    Args:
        lines: the header lines, as (key, text).
        typed: the overrides that the user typed now: another sweeper is given the SWEEP lines.

    Raises:
        ValueError: a line is not of the form `KEY=JSON`.
    """
    answers = Answers()
    is_chosen, swept = False, []
    for key, text in lines:
        if key == KEY:
            place, _, value = text.partition("=")
            answers[place.strip()] = json.loads(value)
        answers.sweeps |= key == "HYDRA" and text == "--multirun"
        is_chosen |= key == "JOBS" and text.startswith("chosen by ")
        swept += [_key(text)] if key == "SWEEP" else []
    if is_chosen and "overrides.task" in answers and "hydra/sweeper" not in map(_key, typed):
        answers.swept = frozenset(swept)
    return answers


def answers_or_leave(path: str, typed: Iterable[str] = ()) -> Answers:
    """Return the answers of a snapshot file; if a line is invalid, report it and end the process."""
    lines = header_lines(path)
    try:
        return of_header(lines, typed)
    except ValueError as error:
        sys.stderr.write(
            "experimentstash: %s: an ANSWER line is not KEY=JSON: %s\n    fix: git checkout -- %s\n"
            % (path, error, path)
        )
        raise SystemExit(1) from None


def give_back(
    config: DictConfig, answers: Answers, typed: List[str], *, job: bool = False, given: Optional[List[str]] = None
) -> None:
    """Let a config that Hydra has loaded answer as when it was frozen.

    Args:
        config: the config, with Hydra's node.
        answers: the recorded answers.
        typed: the overrides that the user typed now: these win.
        job: whether it is that of a job, which brings its own value of a swept key.
        given: every override that a job was given, in order, where its sweeper chooses the jobs.
    """
    hydra = config.hydra
    keys = [_key(line) for line in typed]
    with read_write(hydra), open_dict(hydra):
        for place, value in answers.items():
            if place == "runtime.choices":
                value = {**value, **_chosen_now(hydra.runtime.choices, keys)}
            elif place == "overrides.hydra":
                value = _hydra_overrides(value, raw_lines(hydra.overrides.hydra), typed, sweeps=answers.sweeps)
            elif place == "overrides.task":
                value = _task_overrides(answers, raw_lines(hydra.overrides.task), typed, job=job, given=given)
            elif any(_overlap("hydra." + place, key.replace("/", ".")) for key in keys):
                continue
            OmegaConf.update(hydra, place, value, merge=False)
        if "overrides.task" in answers and _dirname is not None:
            hydra.job.override_dirname = _override_dirname(hydra)


def _chosen_now(choices: DictConfig, keys: List[str]) -> Dict[str, Any]:
    """Return the config groups whose choice is that of this run: its launcher, and what the user typed."""
    return {group: choices[group] for group in (*_CHOSEN_BY_WHOEVER_RUNS, *keys) if group in choices}


def _hydra_overrides(recorded_lines: List[str], lines: List[str], typed: List[str], *, sweeps: bool) -> List[str]:
    """Return the recorded overrides, followed by those of this run.

    Hydra adds the run mode, but not that of a sweep whose config says that it is one.
    """
    kept = [line for line in recorded_lines if line != _SWEEPS or line in lines]
    modes = ("hydra.mode=RUN",) if sweeps else ("hydra.mode=RUN", _SWEEPS)
    return kept + [line for line in lines if line in typed or line in modes]


def _task_overrides(
    answers: Answers, lines: List[str], typed: List[str], *, job: bool, given: Optional[List[str]]
) -> List[str]:
    """Return the recorded overrides, followed by those of this run; a job brings its own value of a key."""
    recorded_lines: List[str] = answers["overrides.task"]
    if given is not None:
        fixed = answers.fixed(given, typed)
        return [line for line in given if line in lines or line in fixed]
    if not job:  # the SWEEP lines stand for what a sweeper that chooses the jobs is given by itself
        return recorded_lines + [line for line in lines if answers.swept is None or line in typed]
    now = {_key(line): line for line in lines}
    joined = [_prefix(line) + now.pop(_key(line)).lstrip("+") if _key(line) in now else line for line in recorded_lines]
    return [*joined, *now.values()]


def _override_dirname(hydra: DictConfig) -> str:
    style = hydra.job.config.override_dirname
    lines = [parse(line) for line in raw_lines(hydra.overrides.task)]
    name: str = _dirname(lines, style.exclude_keys, style.item_sep, style.kv_sep)
    return name


def _prefix(line: str) -> str:
    return line[: len(line) - len(line.lstrip("+"))]


def _key(line: str) -> str:
    return line.partition("=")[0].lstrip("+~")
