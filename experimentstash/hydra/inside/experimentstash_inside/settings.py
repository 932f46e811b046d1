"""Hydra's own settings that affect an experiment, as overrides that restore them."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List

import hydra.conf
import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from experimentstash_inside import machine, secrets
from experimentstash_inside.overridetext import override

_OURS = "EXPERIMENTSTASH_OUTPUTS"  # our default for the run directory: no choice of the experiment
_DEFAULT_SUBDIR = ("${hydra.job.num}", "${hydra:job.num}")
_DEFAULT_DIRNAME = {"kv_sep": "=", "item_sep": ",", "exclude_keys": []}
_FOLDER = os.path.dirname(hydra.conf.__file__)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Settings:
    """The overrides that restore Hydra's settings.

    Args:
        node: Hydra's own node, composed.
        job_name: the name that the job has by itself.
        portable: removes data of this machine from a value.

    Attributes:
        lines: the overrides, such as `hydra/launcher=joblib` and `hydra.job.chdir=true`.
        choices: the overrides that keep the choices of the config groups, for programs that ask Hydra for them.
        lost: what Hydra's override grammar cannot say, by key below `hydra`.
        untold: the keys of those among them that matter to whoever runs the file with Hydra alone.
    """

    def __init__(self, node: DictConfig, job_name: str, portable: Callable[[Any], Any]) -> None:
        self._portable = portable
        self.lines: List[str] = []
        self.choices: List[str] = []
        self.lost: Dict[str, Any] = {}
        self.untold: List[str] = []
        raw: Dict[str, Any] = OmegaConf.to_container(node, resolve=False, enum_to_str=True)  # type: ignore[assignment]
        self._sweeps = raw.get("mode", "MULTIRUN") == "MULTIRUN"  # Hydra 1.1 does not say: taken for a sweep
        choices = raw.get("runtime", {}).get("choices", {})
        self._folders(raw)
        self._job(raw.get("job", {}), job_name)
        for group in ("launcher", "sweeper"):
            self._plugin("hydra/" + group, choices, raw.get(group) or {})
        for name, callback in (raw.get("callbacks") or {}).items():
            if name != "experimentstash":
                self._add("++hydra.callbacks." + name, callback)
        for group in ("job_logging", "hydra_logging"):
            self._logging(group, choices.get("hydra/" + group), raw.get(group) or {})
        if raw.get("verbose"):
            self._add("hydra.verbose", raw["verbose"])
        if raw.get("mode") not in (None, "RUN"):
            self._add("hydra.mode", raw["mode"])
        self._texts(raw)
        self._choices(choices)

    def _add(self, key: str, value: Any) -> bool:
        value = self._portable(value)
        line = override(key, value)
        if line is None:
            self._lose(key.lstrip("+"), value)
        else:
            self.lines.append(line)
        return line is not None

    def _lose(self, key: str, value: Any, *, matters: bool = True) -> None:
        self.lost[key[len("hydra.") :]] = self._portable(value)
        self.untold += [key] if matters else []

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
        for key, value in ((job.get("config") or {}).get("override_dirname") or {}).items():
            if value != _DEFAULT_DIRNAME.get(key):
                self._add("hydra.job.config.override_dirname." + key, value)
        copied = job.get("env_copy") or []
        if copied:
            self._add("hydra.job.env_copy", copied)
        # What env_copy took from this machine's environment stands in env_set too, and is not the experiment's.
        for name, value in (job.get("env_set") or {}).items():
            if name not in copied:
                self._add("++hydra.job.env_set." + name, value)

    def _plugin(self, group: str, choices: Dict[str, Any], chosen: Dict[str, Any]) -> None:
        """Tell a launcher or a sweeper: its choice, those of the groups inside it, and what differs from them."""
        choice = choices.get(group) or "basic"
        if choice != "basic":
            self.lines.append("%s=%s" % (group, choice))
        default = _default(group, choice)
        for path, inner in choices.items():
            part = path[len(group) + 1 :] if path.startswith(group + "/") else ""
            if not part.isidentifier() or not isinstance(inner, str):
                continue
            if {part: inner} not in default.get("defaults", []):
                self.lines.append("%s=%s" % (path, inner))
            default[part] = _default(path, inner)
        for key, value in chosen.items():
            name = "%s.%s" % (group.replace("/", "."), key)
            if key in default and default[key] == value:
                continue
            if key == "params" and self._sweeps:
                self._lose(name, value, matters=False)  # the command line gives back what is swept
            elif isinstance(value, dict) and default.get(key, value) is None:  # before Hydra 1.4, no override sets it
                self._lose(name, value, matters=key != "params")
            else:
                # Hydra adds no key to a mapping that is there, unless it is told to.
                self._add(("++" if key not in default or isinstance(value, dict) else "") + name, value)

    def _logging(self, group: str, choice: Any, chosen: Dict[str, Any]) -> None:
        """Logging is set as a whole: merged into the default, it would keep the default's handlers."""
        if chosen == _packaged(group, "default"):
            return
        if choice and chosen == _packaged(group, choice):
            self.lines.append("hydra/%s=%s" % (group, choice))
            return
        self.lines.append("hydra/%s=none" % group)
        if not self._add("++hydra." + group, chosen):
            self.lines[-1] = "hydra/%s=%s" % (group, choice or "none")
        elif list({**_packaged(group, "none"), **chosen}) != list(chosen):
            self.lost[group] = self._portable(chosen)  # over `none`, its keys are others, or in another order

    def _texts(self, raw: Dict[str, Any]) -> None:
        """What only programs that ask for it see: it needs no override."""
        for group in ("help", "hydra_help"):
            default = _packaged(group, "default")
            for key, value in (raw.get(group) or {}).items():
                if value not in ("???", default.get(key)):
                    self.lost["%s.%s" % (group, key)] = self._portable(value)
        if raw.get("searchpath"):
            self.lost["searchpath"] = self._portable(raw["searchpath"])

    def _choices(self, choices: Dict[str, Any]) -> None:
        for group, choice in choices.items():
            if group.startswith("hydra/"):
                continue
            plain = override("++hydra.runtime.choices." + group, choice)
            line = plain or override("++hydra.runtime.choices", {group: choice})
            self.choices += [line] if line else []


def portable_with(roots: Dict[str, str]) -> Callable[[Any], Any]:
    """Return what takes this machine out of a value, in the texts of lists and mappings too.

    Args:
        roots: interpolation by directory of this machine, longest directory first.
    """
    known = secrets.Secrets()

    def portable(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: portable(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [portable(inner) for inner in value]
        if not isinstance(value, str):
            return value
        value = known.replaced(value)
        changed = machine.portable(value, roots)
        return value if changed in (None, "???") else changed  # what has no interpolation, the freeze refuses

    return portable


def _packaged(group: str, choice: str) -> Dict[str, Any]:
    """Return what Hydra itself brings for a choice of one of its groups; empty if the choice is not its own."""
    path = os.path.join(_FOLDER, "hydra", group, str(choice) + ".yaml")
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        content = yaml.load(file, Loader=_Loader)  # noqa: S506  (a safe loader)
    return content if isinstance(content, dict) else {}


def _default(group: str, choice: str) -> Dict[str, Any]:
    try:
        node = ConfigStore.instance().load("%s/%s.yaml" % (group, choice)).node
    except Exception:  # noqa: BLE001  (a plugin's config in a file, not in the ConfigStore: nothing is default)
        return {}
    return OmegaConf.to_container(node, resolve=False, enum_to_str=True)  # type: ignore[return-value]
