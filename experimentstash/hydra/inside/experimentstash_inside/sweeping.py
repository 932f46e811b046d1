"""Lists the jobs of a sweep, as Hydra's basic sweeper makes them, in its order."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from experimentstash_inside.overridetext import parse, raw_lines

_BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
_MOST = 10_000


class SweepError(Exception):
    """What somebody swept over cannot be swept over, or a job of it does not compose; the text is Hydra's own."""


class Sweep(NamedTuple):
    """The jobs of a sweep.

    Attributes:
        lines: the overrides that restore the sweep, on top of the config of its first job.
        jobs: of each job the overrides that these lines give it; None if only the sweeper knows, as it runs.
        given: of each job the overrides that Hydra composes it with.
    """

    lines: List[str]
    jobs: Optional[List[List[str]]] = None
    given: Optional[List[List[str]]] = None


def sweep_of(hydra: DictConfig) -> Sweep:
    """Return the sweep that Hydra's own node describes, by the sweeper's parameters and the command line.

    Raises:
        SweepError: the sweeper does not take it.
    """
    params = OmegaConf.select(hydra, "sweeper.params") or {}
    own = ["%s=%s" % (key, value) for key, value in params.items()]
    typed = typed_overrides(hydra)
    if hydra.sweeper._target_ != _BASIC:
        return Sweep(own + [line for line in typed if parse(line).is_sweep_override()])
    try:
        full = [_explicit(line) for line in own + typed]
        # The last word on a key counts: Hydra's sweeper forgets what its parameters say of one that is typed.
        last: Dict[str, int] = {_reader().parse_override(line).get_key_element(): n for n, line in enumerate(full)}
        kept = [line for n, line in enumerate(full) if n in last.values() and _sweeps(line)]
        lines = [line if changes_the_shape(line.lstrip("+")) else line.lstrip("+") for line in kept]
        given, jobs = split(full), split(lines)
    except Exception as error:  # noqa: BLE001  (the parser's errors differ between Hydra's versions)
        raise SweepError(str(error)) from None
    if len(given) != len(jobs):
        raise SweepError("Hydra makes %d jobs of it, and %d of %s" % (len(given), len(jobs), " ".join(lines)))
    if len(jobs) > _MOST:
        raise SweepError("it has %d jobs; at most %d are frozen one by one" % (len(jobs), _MOST))
    return Sweep(lines, jobs, given)


def typed_overrides(hydra: DictConfig) -> List[str]:
    """Return the overrides of the command line that are none of Hydra's own, their interpolations as they are."""
    return raw_lines(hydra.overrides.task)


def split(lines: List[str]) -> List[List[str]]:
    """Return the overrides of each job that Hydra's sweeper makes of some lines."""
    overrides = _reader().parse_overrides(lines)
    return [list(job) for batch in BasicSweeper.split_arguments(overrides, None) for job in batch]


def _reader() -> OverridesParser:
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())  # it lists groups for globs


def _sweeps(line: str) -> bool:
    return bool(parse(line).is_sweep_override())


def _explicit(line: str) -> str:
    """Return an override with its choices spelled out where they would be others the next time: globs, shuffles."""
    (override,) = _reader().parse_overrides([line])
    value = override.value()
    if override.is_sweep_override() and (type(value).__name__ == "Glob" or getattr(value, "shuffle", False)):
        return "%s=%s" % (override.get_key_element(), ",".join(map(str, override.sweep_string_iterator())))
    return line


def configs(master: DictConfig, given: List[List[str]]) -> Iterator[DictConfig]:
    """Compose the config of each job, as a launcher does before it runs the job.

    Raises:
        SweepError: a job does not compose.
    """
    loader: Any = GlobalHydra.instance().config_loader()
    for number, overrides in enumerate(given):
        try:
            config = loader.load_sweep_config(master, list(overrides))
        except Exception as error:  # noqa: BLE001  (OmegaConf's errors, and those of a tool's own classes)
            raise SweepError("job %d (%s): %s" % (number, " ".join(overrides), error)) from None
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        yield config


def plain_key(line: str) -> Optional[str]:
    """Return the key at which an override of a job puts a plain value; None if it does more, or may."""
    override = parse(line)
    return override.key_or_group if not changes_the_shape(line) and _is_plain(override.value()) else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, dict) and "${" not in str(value)


def changes_the_shape(line: str) -> bool:
    """Return whether an override fails on a flat config: it adds, takes away, or chooses from a config group."""
    group = parse(line).key_or_group
    return line[0] in "+~" or "/" in group or group in GlobalHydra.instance().config_loader().list_groups("")
