"""Hydra tools of every shape that people write, small enough to read. Each prints the config that its task is given."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from conftest import commit, git, write

TELL = '''
import os
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, ListConfig, DictConfig

OF_A_RUN = ("run", "sweep", "launcher", "job.id")  # the launcher gives jobs their ids
OF_A_RUN += tuple("runtime." + key for key in ("cwd", "output_dir", "version", "version_base", "config_sources"))

def tell(cfg, path=""):
    """Print every node: key, types, value."""
    if not path and HydraConfig.initialized():
        tell_hydra(HydraConfig.get())
    if not path and "kinds" in cfg and "NEW_SEED" in os.environ:
        cfg.kinds.seed = int(os.environ["NEW_SEED"])  # as programs do, before they read what is built from it
    for key in (list(cfg) if isinstance(cfg, DictConfig) else range(len(cfg))):
        node, value = cfg._get_node(key), cfg[key]
        here = "%s/%r" % (path, key)
        if isinstance(value, (DictConfig, ListConfig)):
            print(here, type(value).__name__, OmegaConf.get_type(value), value._metadata.ref_type)
            tell(value, here)
        else:
            print(here, type(node).__name__, node._metadata.ref_type, type(value), repr(value))

def tell_hydra(node, path=""):
    """Print what HydraConfig tells, but for what belongs to a run: directories, versions, launcher."""
    for key in (list(node) if isinstance(node, DictConfig) else range(len(node))):
        inner, here = node._get_node(key), "%s.%s" % (path, key) if path else str(key)
        raw = inner._value()
        of_a_run = here in OF_A_RUN or here.endswith("hydra/launcher") or "hydra/launcher" in str(raw)
        of_a_run = of_a_run or "hydra.sweep.dir" in str(raw) or "hydra.run.dir" in str(raw)
        if isinstance(raw, (dict, list)):
            if here not in OF_A_RUN:
                print("hydra:", here, type(inner).__name__, OmegaConf.get_type(inner))
                tell_hydra(inner, here)
        elif not of_a_run:
            print("hydra:", here.replace("hydra.%s" % key, "hydra.*"), type(inner).__name__, repr(raw))
'''

HARD_CODED = """
import hydra
from {package}.tell import tell

@hydra.main(config_path="{config_path}", config_name="config"{version_base})
def main(cfg):
    tell(cfg)

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults:
  - _self_
  - model: small
{experiment}
name: default
seed: 1
out: ${{hydra:job.name}}/x
"""
MODELS = {
    "model/small.yaml": "layers: 1\nrate: 1e-3\n",
    "model/big.yaml": "layers: 9\nrate: 0.5\n",
}
EXPERIMENT = "# @package _global_\ndefaults:\n  - override /model: big\nname: first\nmodel:\n  layers: 5\n"


@dataclass(frozen=True)
class Shape:
    """A tool's files, its registry entry, and what its experiment `first` is in the stash."""

    files: dict[str, str]
    entry: str = "entrypoint: '-m mytool.main'"
    experiment: str = EXPERIMENT
    others: dict[str, dict[str, str]] = field(default_factory=dict)
    expected: str = "'layers' AnyNode typing.Any <class 'int'> 5"


def hard_coded(
    *,
    group: bool = True,
    config_path: str = "../conf",
    package: str = "mytool",
    version_base: str = ", version_base=None",
) -> dict[str, str]:
    text = HARD_CODED.format(config_path=config_path, package=package, version_base=version_base)
    experiment = "  - experiment: null" if group else ""
    return {
        f"{package}/__init__.py": "",
        f"{package}/tell.py": TELL,
        f"{package}/main.py": text,
        "conf/config.yaml": CONFIG.format(experiment=experiment),
        **{f"conf/{path}": text for path, text in MODELS.items()},
    }


def moved(files: dict[str, str], folder: str) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in files.items()}


PKG = hard_coded(config_path="pkg://mytool.conf")
SCRIPT = HARD_CODED.format(config_path="../conf", package="tell_it", version_base=", version_base=None")
SCRIPT_FILES = {
    **{path: text for path, text in hard_coded().items() if path.startswith("conf/")},
    "src/tell_it/__init__.py": "",
    "src/tell_it/tell.py": TELL,
}
PRIMARY = """
defaults:
  - /model: big
  - _self_
name: first
out: ${hydra:job.name}/x
seed: 1
model:
  layers: 5
"""
STRUCTURED = """
import enum
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional
import hydra
from hydra.core.config_store import ConfigStore
from mytool.tell import tell

class Kind(enum.Enum):
    CNN = 1
    RNN = 2

@dataclass
class Model:
    layers: int = 1
    kind: Kind = Kind.CNN
    sizes: List[int] = field(default_factory=lambda: [1, 2])

@dataclass
class Big(Model):
    layers: int = 9
    maybe: Optional[float] = None

@dataclass
class Config:
    defaults: List[Any] = field(default_factory=lambda: ["_self_", {"model": "small"}])
    name: str = "default"
    model: Any = None
    by: Dict[str, Model] = field(default_factory=dict)
    out: str = "${hydra:job.name}/x"

store = ConfigStore.instance()
store.store(name="config", node=Config)
store.store(group="model", name="small", node=Model)
store.store(group="model", name="big", node=Big)

@hydra.main(config_path=None, config_name="config", version_base=None)
def main(cfg):
    tell(cfg)

if __name__ == "__main__":
    main()
"""
ZEN = """
from hydra_zen import make_config, store, zen, builds, to_yaml
import hydra
from mytool.tell import tell

def net(layers: int = 1, rate: float = 0.1): ...

Net = builds(net, populate_full_signature=True)
Config = make_config(defaults=["_self_", {"model": "small"}], model=None, name="default")
store(Config, name="config")
store(Net, group="model", name="small")
store(Net(layers=9), group="model", name="big")
store.add_to_hydra_store()

@hydra.main(config_path=None, config_name="config", version_base=None)
def main(cfg):
    tell(cfg)

if __name__ == "__main__":
    main()
"""
COMPOSE = """
import os
from hydra import compose, initialize
from mytool.tell import tell

if __name__ == "__main__":
    with initialize(version_base=None, config_path="../conf"):
        cfg = compose("config", overrides=["seed=7"])
    tell(cfg)
"""
ARGV = """
import sys
sys.argv += ["+added=true", "seed=7", "hydra.output_subdir=null"]
"""

SHAPES = {
    "hard-coded config_path, experiment: null": Shape(hard_coded()),
    "hard-coded config_path, no experiment group": Shape(hard_coded(group=False)),
    "config_path=None, the experiment as primary config": Shape(
        {
            "mytool/__init__.py": "",
            "mytool/tell.py": TELL,
            "mytool/main.py": HARD_CODED.format(config_path="", package="mytool", version_base=", version_base=None")
            .replace('config_path=""', "config_path=None")
            .replace('config_name="config"', "config_name=None"),
            "mytool/conf/__init__.py": "",
            **{f"mytool/conf/{path}": text for path, text in MODELS.items()},
        },
        entry="entrypoint: '-m mytool.main'\n    search_packages: mytool.conf",
        experiment=f"# @package _global_\n{PRIMARY}",
    ),
    "config_path=None, configs in a plain folder": Shape(
        {
            "mytool/__init__.py": "",
            "mytool/tell.py": TELL,
            "mytool/main.py": HARD_CODED.format(config_path="", package="mytool", version_base=", version_base=None")
            .replace('config_path=""', "config_path=None")
            .replace('config_name="config"', "config_name=None"),
            **{f"configs/{path}": text for path, text in MODELS.items()},
        },
        experiment=f"# @package _global_\n{PRIMARY}",
    ),
    "pkg:// config path": Shape(
        {
            **{path: text for path, text in PKG.items() if not path.startswith("conf/")},
            **{f"mytool/{path}": text for path, text in PKG.items() if path.startswith("conf/")},
            "mytool/conf/__init__.py": "",
        }
    ),
    "structured configs alone": Shape(
        {"mytool/__init__.py": "", "mytool/tell.py": TELL, "mytool/main.py": STRUCTURED},
        experiment="# @package _global_\ndefaults:\n  - override /model: big\nname: first\n"
        "model: {layers: 5, kind: RNN}\nby: {a: {layers: 2}}\n",
        expected="/'model'/'kind' EnumNode <enum 'Kind'> <enum 'Kind'> <Kind.RNN: 2>",
    ),
    "hydra-zen": Shape(
        {"mytool/__init__.py": "", "mytool/tell.py": TELL, "mytool/main.py": ZEN},
        expected="/'model'/'layers' ",
        experiment="# @package _global_\ndefaults:\n  - override /model: big\nname: first\nmodel:\n  layers: 5\n",
    ),
    "search_packages of two tools": Shape(
        {path: text for path, text in hard_coded().items() if "model/big" not in path},
        entry="entrypoint: '-m mytool.main'\n    search_packages: 'mytool:shared.configs'",
        others={
            "shared": {
                "shared/__init__.py": "",
                "shared/configs/__init__.py": "",
                "shared/configs/model/big.yaml": "layers: 9\n",
            }
        },
    ),
    # No HydraConfig is set there: `${hydra:…}` is not for such programs.
    "the compose API, arguments ignored": Shape(
        {path: text.replace("${hydra:job.name}", "${oc.env:HOME}") for path, text in hard_coded().items()}
        | {"mytool/main.py": COMPOSE}
    ),
    "a script": Shape({**SCRIPT_FILES, "src/train.py": SCRIPT}, entry="entrypoint: src/train.py"),
    "a script without an ending": Shape({**SCRIPT_FILES, "src/train": SCRIPT}, entry="entrypoint: src/train"),
    "a working folder below the root": Shape(
        moved(hard_coded(), "projects/vision"), entry="entrypoint: '-m mytool.main'\n    workdir: projects/vision"
    ),
    "a program that edits its sys.argv": Shape(
        {**hard_coded(), "mytool/main.py": ARGV + hard_coded()["mytool/main.py"]}, expected="/'added' "
    ),
    "a working config with its own run directory": Shape(
        {
            **hard_coded(),
            "conf/config.yaml": hard_coded()["conf/config.yaml"] + "hydra:\n  run:\n    dir: ${oc.env:RUNS,/tmp}/r\n",
        }
    ),
}


def interpreter_as_frozen() -> str:
    """Return how the path of this interpreter is frozen: late, or below the temporary directory."""
    temporary = tempfile.gettempdir() + "/"
    inside = sys.executable.startswith(temporary)
    return "${oc.env:TMPDIR,/tmp}/" + sys.executable.removeprefix(temporary) if inside else "???"


def make_stash(root: Path, shape: Shape, *, python: Path | None = None) -> Path:
    """Make a committed stash of one tool `mytool` with the experiment `first`."""
    stash = root / "stash"
    entry = shape.entry if python is None else f"{shape.entry}\n    python: {python}"
    text = f"tools:\n  mytool:\n    path: tools/mytool\n    {entry}\n"
    for other in shape.others:
        text += f"  {other}:\n    path: tools/{other}\n    entrypoint: '-m {other}'\n"
    commit(stash, {"configs/meta.yaml": text, "configs/mytool/experiment/first.yaml": shape.experiment}, "a stash")
    for name, files in {"mytool": shape.files, **shape.others}.items():
        commit(root / name, files, "a tool")
        git("submodule", "--quiet", "add", str(root / name), f"tools/{name}", cwd=stash)
    git("commit", "-qm", "add the tools", cwd=stash)
    return stash


def write_experiment(stash: Path, name: str, text: str) -> None:
    write(stash, {f"configs/mytool/experiment/{name}.yaml": text})
