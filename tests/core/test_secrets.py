"""No secret and no name of this machine in what is written for others: the one gate, and the writers before it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import commit, git
from stashes import REGISTRY, snapshot_path, snapshot_text

from experimentstash.core.errors import Problem, StashError, guard
from experimentstash.core.files import write_shared
from experimentstash.core.secrets import for_others, masked
from experimentstash.core.urls import public_url
from experimentstash.git.submodules.new_submodule import check_url
from experimentstash.reproduce.bundling import bundle
from experimentstash.reproduce.reproduction_report import Account
from experimentstash.reproduce.stash_source import named
from experimentstash.stash.results.collect import collect
from experimentstash.stash.results.compare import check
from experimentstash.stash.results.comparison_rules import Rules
from experimentstash.verify import exceptions

SECRET, TOKEN = "wk0123456789-TOPSECRET", "ghp_abcdefghijklmnopqrst"
USER = "ada-the-user"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    monkeypatch.setenv("USER", USER)


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_the_gate_names_the_line_and_writes_nothing(tmp_path: Path, secret: str) -> None:
    with pytest.raises(StashError) as refused:
        write_shared(tmp_path / "new/x.yaml", f"a: 1\nb: {secret}\n", fix="git status")
    what = "the secret WANDB_API_KEY" if secret == SECRET else "what looks like a GitHub token"
    assert str(refused.value) == (
        f"{tmp_path}/new/x.yaml: line 2 contains {what}, which must not be shared\n    fix: git status"
    )
    assert not (tmp_path / "new").exists()
    write_shared(tmp_path / "x.yaml", f"b: {secret}\n", kept=[secret])
    assert (tmp_path / "x.yaml").read_text() == f"b: {secret}\n"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (f"https://{TOKEN}@example.org/x.git", "https://example.org/x.git"),
        ("https://ada:s3cret@example.org/x", "https://example.org/x"),
        ("https://ada%3As3cret@example.org/x", "https://example.org/x"),
        ("https://ada@example.org/x", "https://example.org/x"),
        ("https://example.org/x?private_token=s3cret", "https://example.org/x"),
        ("ssh://git:s3cret@example.org/x", "ssh://git@example.org/x"),
        ("ssh://git@example.org/x", ""),
        ("git@example.org:lab/x.git", ""),
        ("https://example.org/x?ref=main", ""),
        ("../x.git", ""),
    ],
)
def test_what_gitmodules_would_show(tmp_path: Path, url: str, public: str) -> None:
    assert public_url(url) == (public or url)
    if not public:
        assert check_url(url, tmp_path, "mytool") == url
        return
    with pytest.raises(StashError) as refused:
        check_url(url, tmp_path, "mytool")
    assert refused.value.fix.startswith(
        f"experimentstash add-tool mytool '{public}'  #"
    ) or refused.value.fix.startswith(f"experimentstash add-tool mytool {public}  #")
    assert "s3cret" not in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_a_secret_of_the_environment_in_the_path_of_a_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StashError, match="the URL contains a secret"):
        check_url(f"https://example.org/{SECRET}/x.git", tmp_path, "mytool")


def test_messages_and_the_trace_of_exceptions_show_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> int:
        raise StashError(f"key={SECRET}: no such", f"--late {TOKEN}")

    assert guard(fails) == 1
    assert capsys.readouterr().err == "experimentstash: key=***: no such\n    fix: --late ***\n"
    monkeypatch.setenv(exceptions.VARIABLE, "pin")
    passed = Problem("a.yaml", "pin", f"from https://{SECRET}@example.org", "git fetch")
    assert exceptions.report_unless_allowed([passed], tmp_path, "git push") == 0
    assert SECRET not in (tmp_path / exceptions.LOG).read_text() + capsys.readouterr().err


def test_a_fault_of_the_program_is_logged_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fails() -> int:
        raise ValueError(SECRET)

    assert guard(fails) == 3
    (log,) = tmp_path.glob("*.log")
    assert SECRET not in capsys.readouterr().err + log.read_text()
    assert "ValueError: ***" in log.read_text()


def test_a_report_shows_no_secret_no_folder_and_no_name(tmp_path: Path) -> None:
    home, node = Path.home(), os.uname().nodename
    notes = (f"{home}/stash by {USER} on {node}", f"asked https://x:{SECRET}@example.org", f"{TOKEN}")
    account = Account("v1", "0" * 40, f"{home}/stash", (("tools/mytool", "1" * 40),), notes)
    for path in account.write(tmp_path / "report"):
        text = path.read_text()
        assert not [held for held in (SECRET, TOKEN, str(home), USER) if held in text]
        assert "~/stash by USERNAME" in text
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["from"] == "~/stash"
    assert said["tools"] == {"tools/mytool": "1" * 40}


def test_common_words_stay_in_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "data")
    monkeypatch.setenv("LOGNAME", "root")
    assert for_others("data/root of the user") == "data/root of the user"
    assert masked("no secret") == "no secret"


def test_a_manifest_has_no_name_of_this_machine_and_pairs_with_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(folder: Path, user: str) -> None:
        (folder / user).mkdir(parents=True)
        (folder / f"events.out.1700000000.{user}.7.0").write_text("x")
        (folder / user / "metrics.json").write_text(json.dumps({"loss": 0.5, f"/home/{user}/set": 1}))

    runs(tmp_path / "first", USER)
    manifest = collect(tmp_path / "first", Rules())
    assert [file.path for file in manifest.files] == ["USERNAME/metrics.json", "events.out.1700000000.USERNAME.7.0"]
    assert USER not in repr(manifest)
    monkeypatch.setenv("USER", "bob-elsewhere")
    runs(tmp_path / "second", "bob-elsewhere")
    (tmp_path / "second/bob-elsewhere/metrics.json").write_text('{"loss":0.5,"/home/bob-elsewhere/set":1}')
    report = check(manifest, tmp_path / "second", Rules())
    assert report.holds, report
    assert len(report.files) == 2


@pytest.mark.parametrize("place", [".gitmodules", "configs/one/notes.txt"])
def test_an_archive_of_a_history_with_a_secret_is_refused(tmp_path: Path, place: str) -> None:
    stash = tmp_path / "stash"
    tool = commit(tmp_path / "one", {"main.py": "print(1)\n"})
    commit(stash, {"configs/meta.yaml": REGISTRY})
    if place == ".gitmodules":
        url = f"https://{TOKEN}@example.org/old.git"
        commit(stash, {place: f'[submodule "old"]\n\tpath = tools/old\n\turl = {url}\n'})
    else:
        commit(stash, {place: f"key: {SECRET}\n"})
    (stash / place).unlink()
    held = git("rev-parse", "HEAD", cwd=stash)[:12]
    commit(stash, {})
    name = REGISTRY.split("\n")[1].strip(" :")
    git("submodule", "--quiet", "add", str(tmp_path / "one"), f"tools/{name}", cwd=stash)
    text = snapshot_text("pca", "v1", tool).replace("SNAPSHOT: mytool", f"SNAPSHOT: {name}")
    commit(stash, {snapshot_path("pca", "v1"): text})
    git("tag", "-a", "-m", "x", "snapshot/v1", cwd=stash)
    source = named(str(stash), "v1", allow_local=True)
    target = tmp_path / "v1.tar"
    with pytest.raises(StashError) as refused:
        bundle("v1", target, source)
    what = "the secret WANDB_API_KEY" if place != ".gitmodules" else "what looks like a GitHub token"
    assert str(refused.value) == (
        f"{place} at {held}: it holds {what}, which the archive would share with others\n"
        f"    fix: experimentstash bundle v1 {target} --allow-secrets  # after you have revoked it"
    )
    assert not target.exists()
    assert bundle("v1", target, source, allow_secrets=True) is not None
