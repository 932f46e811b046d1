"""A freeze of a tool that has secrets everywhere: none is in any file, object, report or archive that comes of it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import Ran, estash, git, run
from shapes import Shape, interpreter_as_frozen, make_stash

WANDB, HF, LOADED, TYPED = (
    "wk0123456789-TOPSECRET",
    "hf_TOPSECRET0123456789ab",
    "loaded-TOPSECRET-42",
    "sk-TOPSECRET0123456789",
)
USER = "ada-the-user"
MAIN = """
import json, os, pathlib, platform, sys
from dataclasses import dataclass, field
os.environ.setdefault("LOADED_PASSWORD", "loaded-TOPSECRET-42")  # as python-dotenv does
import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

OmegaConf.register_new_resolver("my_secret", lambda: os.environ.get("WANDB_API_KEY", "none"))

def made():
    return {"token": os.environ.get("HF_TOKEN", "none"), "home": os.path.expanduser("~/data")}

OmegaConf.register_new_resolver("my_info", made)

@dataclass
class Worked:
    user: str = os.environ.get("USER", "nobody")
    scratch: str = os.path.join("/scratch", os.environ.get("USER", "nobody"))
    exe: str = sys.executable
    header: str = "Bearer " + os.environ.get("HF_TOKEN", "none")
    password: str = os.environ["LOADED_PASSWORD"]
    cached: str = os.path.join(os.path.expanduser("~"), ".cache")

ConfigStore.instance().store(group="worked", name="base", node=Worked)

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    out = pathlib.Path(HydraConfig.get().runtime.output_dir)
    if "TELL" in os.environ:
        print(json.dumps(list(HydraConfig.get().overrides.task)))
    (out / ("metrics-%s.json" % os.environ.get("USER", "nobody"))).write_text(json.dumps({"loss": 0.5}))
    if cfg.leaks:
        (out / "x.json").write_text(json.dumps({os.environ["WANDB_API_KEY"]: 1}))

if __name__ == "__main__":
    main()
"""
TOOL = {
    "main.py": MAIN,
    "conf/config.yaml": (
        "defaults: [_self_, {worked: base}, {experiment: null}]\nleaks: false\nwandb: {key: none}\nroot: none\n"
    ),
    "conf/experiment/first.yaml": "# @package _global_\n",
}
FIRST = """# @package _global_
key: ${my_secret:}
info: ${my_info:}
plain: ${oc.env:WANDB_API_KEY}
"""
ENVIRONMENT = {"WANDB_API_KEY": WANDB, "HF_TOKEN": HF, "USER": USER, "LOGNAME": USER}


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    return make_stash(tmp_path, Shape(TOOL, "entrypoint: main.py", FIRST))


def freeze(stash: Path, *arguments: str, tag: str = "v1") -> Ran:
    return estash("snapshot", "mytool", "first", "--tag", tag, *arguments, cwd=stash, env=ENVIRONMENT)


def everything(stash: Path) -> str:
    """Return all that a push would bring to others: each object, and each file that git may get."""
    objects = git("cat-file", "--batch-all-objects", "--batch", cwd=stash)
    files = [path for path in (stash / "configs").rglob("*") if path.is_file()]
    return objects + "".join(path.read_text() for path in files)


def held(text: str, home: Path) -> list[str]:
    return [secret for secret in (WANDB, HF, LOADED, TYPED, USER, str(home), "TOPSECRET") if secret in text]


@pytest.mark.every
def test_the_whole_way_leaves_none(stash: Path, tmp_path: Path, sealed_home: Path) -> None:
    typed = [
        f"wandb.key={WANDB}",
        f"root={sealed_home}/data",
        f"+hydra.job.env_set.WANDB_API_KEY={WANDB}",
        f"+auth.basic='Bearer {HF}'",
    ]
    made = freeze(stash, *typed, "--run", "--commit")
    assert made.code == 0, made.err
    assert "TOPSECRET" not in made.out + made.err
    text = git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.yaml", cwd=stash)
    lines = text.splitlines()
    for line in (
        "# OVERRIDE: wandb.key=${oc.env:WANDB_API_KEY}",
        "# OVERRIDE: root=${oc.env:HOME}/data",
        "# OVERRIDE: +hydra.job.env_set.WANDB_API_KEY=${oc.env:WANDB_API_KEY}",
        "# HYDRA: ++hydra.job.env_set.WANDB_API_KEY=${oc.env:WANDB_API_KEY}",
        "# LATE: key=${my_secret:}",
        "# LATE: info=${my_info:}",
        "# LATE: worked.user=${oc.env:USER}",
        "# LATE: worked.scratch=/scratch/${oc.env:USER}",
        "# LATE: worked.header=Bearer ${oc.env:HF_TOKEN}",
        "# LATE: worked.password=${oc.env:LOADED_PASSWORD}",
        f"# LATE: worked.exe={interpreter_as_frozen()}",
        "# LATE: worked.cached=${oc.env:HOME}/.cache",
    ):
        assert line in lines, text
    manifest = json.loads(git("show", "snapshot/v1:configs/mytool/snapshots/v1/first.results.json", cwd=stash))
    assert [file["path"] for file in manifest["files"]] == ["metrics-USERNAME.json"]
    assert not held(everything(stash), sealed_home)
    report, archive = tmp_path / "report", tmp_path / "v1.tar"
    again = estash(
        *("reproduce", "v1", "--no-build", "--yes", "--allow-local", "--check", "--report", str(report)),
        cwd=stash,
        env={**ENVIRONMENT, "USER": "bob-elsewhere", "LOGNAME": "bob-elsewhere"},
    )
    assert again.code == 0, again.err
    for ending in (".md", ".json"):
        assert not held(report.with_suffix(ending).read_text(), sealed_home)
        assert "bob-elsewhere" not in report.with_suffix(ending).read_text()
    assert estash("bundle", "v1", str(archive), "--allow-local", cwd=stash, env=ENVIRONMENT).code == 0
    assert not [secret for secret in (WANDB, HF) if secret.encode() in archive.read_bytes()]


def test_a_typed_token_is_refused_with_a_command_that_works(stash: Path) -> None:
    before = git("status", "--porcelain", cwd=stash)
    refused = freeze(stash, f"+login.api_key={TYPED}", "root=x y")
    assert refused.code == 1
    fix = (
        "experimentstash snapshot mytool first --tag v1 'root=x y' '+login.api_key=${oc.env:LOGIN_API_KEY}'"
        "  # and set LOGIN_API_KEY for a run"
    )
    assert refused.err.endswith(
        f"experimentstash: mytool/first: login.api_key: it holds what looks like an API key (sk-…)\n    fix: {fix}\n"
    )
    assert TYPED not in refused.out + refused.err
    assert git("status", "--porcelain", cwd=stash) == before
    mended = run("sh", "-c", fix, cwd=stash, env=ENVIRONMENT)
    assert mended.code == 0, mended.err
    assert "login.api_key=${oc.env:LOGIN_API_KEY}" in everything(stash)


@pytest.mark.every
def test_a_token_inside_a_typed_mapping_is_refused_with_a_command_that_works(stash: Path) -> None:
    refused = freeze(stash, f"+login={{user: ada, header: 'Bearer {TYPED}'}}")
    fix = refused.err.rpartition("    fix: ")[2].strip()
    assert fix == (
        "experimentstash snapshot mytool first --tag v1 "
        "'+login={user: ada, header: '\"'\"'Bearer ${oc.env:LOGIN_HEADER}'\"'\"'}'  # and set LOGIN_HEADER for a run"
    )
    mended = run("sh", "-c", fix, cwd=stash, env={**ENVIRONMENT, "LOGIN_HEADER": TYPED})
    assert mended.code == 0, mended.err
    text = (stash / "configs/mytool/snapshots/v1/first.yaml").read_text()
    assert "# LATE: login.header=Bearer ${oc.env:LOGIN_HEADER}" in text
    assert "TOPSECRET" not in text


@pytest.mark.every
def test_what_the_program_asks_hydra_for_holds_none(stash: Path) -> None:
    made = freeze(stash, f"wandb.key={WANDB}", "root=a", "+login={password: hunter2}", "--late", "login.password")
    assert made.code == 0, made.err
    text = (stash / "configs/mytool/snapshots/v1/first.yaml").read_text()
    assert '# ANSWER: overrides.task=["experiment=first", "wandb.key=${oc.env:WANDB_API_KEY}", "root=a"]' in text
    assert "hunter2" not in text
    ran = estash(
        "run", "mytool", "first", "--snapshot", "v1", "login.password=x", cwd=stash, env={**ENVIRONMENT, "TELL": "1"}
    )
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == ["experiment=first", f"wandb.key={WANDB}", "root=a", "login.password=x"]


@pytest.mark.every
def test_a_token_in_a_config_or_a_setting_is_refused_with_a_command_that_works(stash: Path) -> None:
    config = stash / "configs/mytool/experiment/first.yaml"
    config.write_text(f"{FIRST}service: {{login: {TYPED}}}\n")
    refused = freeze(stash)
    fix = refused.err.rpartition("    fix: ")[2].strip()
    assert fix == "experimentstash snapshot mytool first --tag v1 --late service.login"
    assert run("sh", "-c", fix, cwd=stash, env=ENVIRONMENT).code == 0
    config.write_text(FIRST)
    refused = freeze(stash, f"+hydra.job.env_set.SOME={TYPED}", tag="v2")
    assert refused.code == 1
    assert "first: HYDRA hydra.job.env_set.SOME: it holds what looks like an API key" in refused.err
    fix = refused.err.rpartition("    fix: ")[2].strip()
    assert run("sh", "-c", fix, cwd=stash, env={**ENVIRONMENT, "HYDRA_JOB_ENV_SET_SOME": "x"}).code == 0
    assert TYPED not in refused.err
    assert "TOPSECRET" not in "".join(path.read_text() for path in (stash / "configs").rglob("snapshots/*/*.yaml"))


def test_late_takes_a_typed_token_out_and_keep_says_what_it_does(stash: Path) -> None:
    taken = freeze(stash, f"wandb.key={TYPED}", "--late", "wandb.key")
    assert taken.code == 0, taken.err
    text = (stash / "configs/mytool/snapshots/v1/first.yaml").read_text()
    assert "# LATE: wandb.key=???" in text
    assert "OVERRIDE" not in text
    assert "    wandb.key: its override is left out" in taken.out
    kept = freeze(stash, f"wandb.key={TYPED}", "--keep", "wandb.key", tag="v2")
    assert kept.code == 0, kept.err
    assert "wandb.key: kept, as you said: WHAT LOOKS LIKE AN API KEY (SK-…) STANDS IN THE FILE" in kept.out
    assert TYPED not in kept.out + kept.err


@pytest.mark.every
def test_a_sweep_says_none(stash: Path) -> None:
    made = freeze(stash, f"wandb.key={WANDB},none", "--multirun")
    assert made.code == 0, made.err
    text = (stash / "configs/mytool/snapshots/v1/first.yaml").read_text()
    assert "TOPSECRET" not in text + made.out + made.err
    assert "# SWEEP: wandb.key=${oc.env:WANDB_API_KEY},none" in text
    assert shlex.split(text.split("# JOB: 0 ")[1].splitlines()[0]) == ["wandb.key=${oc.env:WANDB_API_KEY}"]


def test_results_that_name_a_secret_are_not_recorded(stash: Path) -> None:
    refused = freeze(stash, "leaks=true", "--run")
    assert refused.code == 1
    assert re.search(
        r"first\.results\.json: line \d+ contains the secret WANDB_API_KEY, which must not be shared", refused.err
    )
    assert "    fix: leave the file out: `results: {ignore: […]}` of mytool in configs/meta.yaml" in refused.err
    assert not list((stash / "configs").glob("mytool/snapshots/*/*"))


def test_a_message_is_no_place_for_one(stash: Path) -> None:
    refused = freeze(stash, "--commit", "-m", f"with {WANDB}")
    assert refused.code == 1
    assert refused.err.startswith("experimentstash: -m: line 1 contains the secret WANDB_API_KEY")
