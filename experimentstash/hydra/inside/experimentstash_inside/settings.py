"""Hydra's own settings that change what an experiment does, as overrides that bring them back."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experimentstash_inside.overridetext import override

_OURS = "EXPERIMENTSTASH_OUTPUTS"  # our default for the run folder: no choice of the experiment
_DEFAULT_SUBDIR = ("${hydra.job.num}", "${hydra:job.num}")


class Settings:
    """The overrides that bring Hydra's settings back.

    Attributes:
        lines: the overrides, such as `hydra/launcher=joblib` and `hydra.job.chdir=true`.
        lost: what Hydra's override grammar cannot say.
    """

    def __init__(self, hydra: DictConfig, job_name: str) -> None:
        self.lines: List[str] = []
        self.lost: List[str] = []
        raw: Dict[str, Any] = OmegaConf.to_container(hydra, resolve=False, enum_to_str=True)  # type: ignore[assignment]
        choices = raw.get("runtime", {}).get("choices", {})
        self._folders(raw)
        self._job(raw.get("job", {}), job_name)
        for group in ("launcher", "sweeper"):
            self._plugin(group, choices.get("hydra/" + group) or "basic", raw.get(group) or {})
        for name, callback in (raw.get("callbacks") or {}).items():
            if name != "experimentstash":
                self._add("++hydra.callbacks." + name, callback)
        if raw.get("mode") not in (None, "RUN"):
            self._add("hydra.mode", raw["mode"])

    def _add(self, key: str, value: Any) -> None:
        line = override(key, value)
        if line is None:
            self.lost.append(key.lstrip("+"))
        else:
            self.lines.append(line)

    def _folders(self, raw: Dict[str, Any]) -> None:
        for key, folder in (("run.dir", raw["run"]["dir"]), ("sweep.dir", raw["sweep"]["dir"])):
            if _OURS not in folder:
                self._add("hydra." + key, folder)
        if raw["sweep"].get("subdir") not in _DEFAULT_SUBDIR:
            self._add("hydra.sweep.subdir", raw["sweep"]["subdir"])
        if raw.get("output_subdir") != ".hydra":
            self._add("hydra.output_subdir", raw["output_subdir"])

    def _job(self, job: Dict[str, Any], job_name: str) -> None:
        if job.get("chdir") is not None:
            self._add("hydra.job.chdir", job["chdir"])
        if job.get("name") != job_name:
            self._add("hydra.job.name", job["name"])
        copied = job.get("env_copy") or []
        if copied:
            self._add("hydra.job.env_copy", copied)
        # What env_copy took from this machine's environment stands in env_set too, and is not the experiment's.
        for name, value in (job.get("env_set") or {}).items():
            if name not in copied:
                self._add("++hydra.job.env_set." + name, value)

    def _plugin(self, group: str, choice: str, chosen: Dict[str, Any]) -> None:
        if choice != "basic":
            self.lines.append("hydra/%s=%s" % (group, choice))
        default = _default("hydra/" + group, choice)
        for key, value in chosen.items():
            if key == "params":  # what is swept: told on its own, and given back on the command line
                continue
            if key not in default or default[key] != value:
                self._add(("" if key in default else "++") + "hydra.%s.%s" % (group, key), value)


def _default(group: str, choice: str) -> Dict[str, Any]:
    try:
        node = ConfigStore.instance().load("%s/%s.yaml" % (group, choice)).node
    except Exception:  # noqa: BLE001  (a plugin's config in a file, not in the ConfigStore: nothing is default)
        return {}
    return OmegaConf.to_container(node, resolve=False, enum_to_str=True)  # type: ignore[return-value]


def choices_asked(args: List[Tuple[Any, ...]]) -> List[str]:
    """Return the config groups whose choices late values ask for: `model` of `${hydra:runtime.choices.model}`."""
    prefix = "runtime.choices."
    return sorted({str(arg[0])[len(prefix) :] for arg in args if arg and str(arg[0]).startswith(prefix)})


def kept_choice(group: str) -> Optional[str]:
    """Return the override that keeps the choice of a config group for values that ask Hydra for it."""
    choice = HydraConfig.get().runtime.choices.get(group)
    return None if choice is None else override("++hydra.runtime.choices." + group.replace("/", "."), choice)
