"""A run directory becomes a manifest: every regular file, and no link, pipe, log or half-written file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from runs import ANY, numpy, recorded, run_folder

from experimentstash.core.errors import StashError
from experimentstash.stash.results.collect import FULL, collect, survey
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.stash.results.manifest import LARGEST, File, render
from experimentstash.stash.results.manifest_parser import parse


def paths(folder: Path, rules: Rules = ANY) -> list[str]:
    return [file.path for file in recorded(folder, rules).files]


def test_every_file_is_there_with_its_size_and_digest(tmp_path: Path) -> None:
    run_folder(tmp_path, {"b.txt": "b", "0/a.bin": "", "1/deep/er/é ü.txt": "x" * 3_000_000})
    (tmp_path / "empty/folder").mkdir(parents=True)
    assert recorded(tmp_path).files == tuple(
        File(path, len(data), hashlib.sha256(data).hexdigest())
        for path, data in (("0/a.bin", b""), ("1/deep/er/é ü.txt", b"x" * 3_000_000), ("b.txt", b"b"))
    )


def test_an_empty_folder_has_no_results(tmp_path: Path) -> None:
    assert render(collect(tmp_path, ANY)) == '{\n "version": 1,\n "share": 8192,\n "notes": [],\n "files": []\n}\n'


def test_what_hydra_writes_of_itself_is_no_result(tmp_path: Path) -> None:
    """Of a real Hydra program, run once and as a sweep."""
    program = tmp_path / "tool.py"
    program.write_text(
        "import hydra, logging, pathlib\n"
        "@hydra.main(version_base=None, config_path=None)\n"
        "def main(cfg):\n"
        "    logging.getLogger().info('working')\n"
        "    out = pathlib.Path(hydra.core.hydra_config.HydraConfig.get().runtime.output_dir)\n"
        "    (out / 'metrics.json').write_text('{\"x\": %s}' % cfg.x)\n"
        "main()\n"
    )
    for words in (["+x=1", "hydra.run.dir=run"], ["-m", "+x=1,2", "hydra.sweep.dir=sweep"]):
        subprocess.run([sys.executable, program, *words], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "run/.hydra/config.yaml").exists()
    assert (tmp_path / "run/tool.log").exists()
    assert (tmp_path / "sweep/multirun.yaml").exists()
    assert paths(tmp_path / "run") == ["metrics.json"]
    assert paths(tmp_path / "sweep") == ["0/metrics.json", "1/metrics.json"]
    kept = Rules(ignore=("!.hydra/config.yaml", "!*.log"))
    assert paths(tmp_path / "run", kept) == [".hydra/config.yaml", "metrics.json", "tool.log"]


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"token": 1}')
    run = run_folder(tmp_path / "run", {"a.json": "1"})
    (run / "out.json").symlink_to(secret)
    (run / "folder").symlink_to(tmp_path)
    (run / "circle").symlink_to("circle")
    (run / "last.json").symlink_to("a.json")
    manifest = recorded(run)
    assert [file.path for file in manifest.files] == ["a.json"]
    assert manifest.notes == tuple(
        f"{name}: a link, which is not followed" for name in ("circle", "folder", "last.json", "out.json")
    )
    assert str(tmp_path) not in render(manifest)


def test_pipes_and_names_that_not_every_machine_can_carry_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for name in (b"a\nb.json", b"a\\b.json", b"\xff.json", "a\u202eb.json".encode()):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(b"1")
    manifest = recorded(tmp_path)
    assert manifest.files == ()
    assert manifest.notes == (
        "\\udcff.json: a name that not every machine can carry",
        "a\\b.json: a name that not every machine can carry",
        "a\\nb.json: a name that not every machine can carry",
        "a\\u202eb.json: a name that not every machine can carry",
        "pipe.json: no regular file",
    )


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    growing = tmp_path / "growing.bin"
    growing.write_bytes(b"x" * 1_000_000)
    ended = threading.Event()

    def grow() -> None:
        with growing.open("ab", buffering=0) as file:
            while not ended.is_set():
                file.write(b"x")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with pytest.raises(StashError) as error:
            _survey_often(tmp_path)
    finally:
        ended.set()
        thread.join()
    assert str(error.value) == (
        f"{growing}: it changed while it was read\n    fix: wait until every process of the run has ended"
    )
    survey(tmp_path, ANY)


def _survey_often(folder: Path) -> None:
    for _ in range(10_000):  # the first nearly always sees it
        survey(folder, ANY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    run_folder(tmp_path, {"a.json": "1"})
    (tmp_path / "a.json").chmod(0)
    with pytest.raises(StashError, match=r"a\.json: cannot be read: Permission denied"):
        collect(tmp_path, ANY)


def test_names_that_some_machines_take_for_one_are_told(tmp_path: Path) -> None:
    run_folder(tmp_path, {"A.csv": "", "a.csv": "", "\u00e9": "", "e\u0301": "", "b/x": "", "B/x": ""})
    if len(os.listdir(tmp_path)) == 6:  # on such a machine there is nothing to tell
        assert recorded(tmp_path).notes == (
            "A.csv and a.csv: names that some machines take for one",
            "B/x and b/x: names that some machines take for one",
            "e\u0301 and \u00e9: names that some machines take for one",
        )
    assert len(recorded(tmp_path).files) == len(os.listdir(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StashError, match="nowhere: cannot be read: No such file or directory"):
        collect(tmp_path / "nowhere", ANY)


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * 70)).mkdir(parents=True)
    with pytest.raises(StashError, match="directories are nested more than 64 deep"):
        collect(tmp_path, ANY)


def test_the_run_folder_and_late_values_in_a_result_are_the_same_on_every_machine(tmp_path: Path) -> None:
    for home, host in (("ada", "laptop-7"), ("bob", "node-0123")):
        folder = tmp_path / home
        said = {"out": f"{folder}/model.pt", "host": f"on {host}", f"{folder}/0": {"acc": 0.5}}
        run_folder(folder, {"m.json": json.dumps(said), "t.csv": f"where,on {host}\n{folder},1\n"})
    one, other = recorded(tmp_path / "ada", late=("laptop-7",)), recorded(tmp_path / "bob", late=("node-0123",))
    assert [file.content for file in one.files] == [file.content for file in other.files]
    assert recorded(tmp_path / "ada").files[0].content != other.files[0].content  # the host was not said


@pytest.mark.every
def test_many_files_keep_fewer_values_each_and_all_keep_some(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number:04}.json").write_text(json.dumps([number / 7 + n for n in range(300)]))
    manifest = recorded(tmp_path)
    assert manifest.share == 256
    assert {len(file.content.series[0].values) for file in manifest.files if file.content} == {38}
    assert not [file.path for file in manifest.files if file.note]


@pytest.mark.every
def test_a_full_manifest_says_so_and_keeps_the_small_files(tmp_path: Path) -> None:
    for number in range(420):
        metrics = {f"key{n}": n for n in range(250 if number else 2)}
        (tmp_path / f"{number:03}.json").write_text(json.dumps(metrics))
    manifest = recorded(tmp_path)
    kept = sum(file.content is not None for file in manifest.files)
    assert 300 < kept < 420
    assert [file.note for file in manifest.files if not file.content] == [FULL] * (len(manifest.files) - kept)
    assert manifest.files[0].content is not None
    assert len(render(manifest)) < LARGEST / 2


def test_it_is_the_same_manifest_every_time(tmp_path: Path) -> None:
    rng = numpy.random.default_rng(0)
    numpy.savez(tmp_path / "x.npz", a=rng.normal(size=(300, 20)), b=rng.integers(9, size=5))
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rng.normal(size=(3000, 2))))
    assert render(collect(tmp_path, ANY)) == render(collect(tmp_path, ANY))


@pytest.mark.every
def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    size = 400 * 1024 * 1024
    with (tmp_path / "x.npy").open("wb") as file:
        numpy.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (size // 8,)})
        file.truncate(file.tell() + size)
    program = (
        "import pathlib, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
        "from experimentstash.stash.results.collect import collect\n"
        "from experimentstash.stash.results.comparison_rules import Rules\n"
        "(file,) = collect(pathlib.Path(sys.argv[1]), Rules()).files\n"
        "print(file.content.series[0].count)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=root, check=True, capture_output=True)
    assert int(done.stdout) == size // 8


def test_what_was_recorded_by_hand_is_read_as_written(tmp_path: Path) -> None:
    run_folder(tmp_path, {"m.json": '{"acc": 0.5}'})
    text = render(collect(tmp_path, ANY))
    assert '"kind": "json", "series": [\n   {"name": "acc", "count": 1, "values": [0.5]}]}' in text
    assert parse(text.encode(), "x").files[0].content is not None
