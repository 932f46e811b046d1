"""What is left out and what is allowed, out of the registry and out of the command line."""

from __future__ import annotations

import pytest
import yaml

from experimentstash.core.errors import StashError, UsageError
from experimentstash.core.yaml_nodes import compose
from experimentstash.stash.results.comparison_rules import EXACT, Rules, Setting, Tolerance
from experimentstash.stash.results.rule_parser import read_rules, rules_of_words

WHERE = "configs/meta.yaml"


def node(text: str) -> yaml.Node:
    found = compose(text.encode(), WHERE, largest=10_000, aliases=False)
    assert found is not None
    return found


def read(text: str) -> Rules:
    return read_rules(node(text), WHERE)


FULL = """
rtol: 1e-6
atol: 0
ignore: ["*.log", "!train.log"]
ignore_keys: ["*_seconds"]
keys:
  loss: {rtol: 1e-4}
files:
  "*.csv":
    rtol: .001
    ignore_keys: runtime
    keys:
      loss: {atol: 2}
"""


def test_reads_every_key() -> None:
    assert read(FULL) == Rules(
        ignore=("*.log", "!train.log"),
        ignore_keys=(("*", "*_seconds"), ("*.csv", "runtime")),
        settings=(
            Setting("*", "*", 1e-6, 0.0),
            Setting("*.csv", "*", 0.001, None),
            Setting("*", "loss", 1e-4, None),
            Setting("*.csv", "loss", None, 2.0),
        ),
    )


def test_the_narrower_wins() -> None:
    rules = read(FULL)
    assert rules.tolerance("m.json", "acc") == Tolerance(1e-6, 0)
    assert rules.tolerance("m.json", "val.loss") == Tolerance(1e-4, 0)
    assert rules.tolerance("0/t.csv", "acc") == Tolerance(1e-3, 0)
    assert rules.tolerance("0/t.csv", "loss") == Tolerance(1e-4, 2)


@pytest.mark.parametrize("text", ["~", "{}", "rtol:", "files:", "ignore: []", "files: {a: {}}"])
def test_nothing_said_is_nothing_allowed(text: str) -> None:
    assert read(text) == Rules()
    assert Rules().tolerance("a.json", "x") == EXACT


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]", "line 1, column 1: a mapping is expected here, with rtol, atol, ignore, ignore_keys, keys, files"),
        ("ingore: []", "line 1, column 1: 'ingore' is not a key of `results`; did you mean ignore"),
        ("rtol: 1\nrtol: 2", "line 2, column 1: duplicate key 'rtol'"),
        ("rtol: -1", "line 1, column 7: a tolerance must be a non-negative number, such as 1e-6"),
        ("rtol: .inf", "line 1, column 7: a tolerance must be a non-negative number"),
        ("rtol: nan", "line 1, column 7: a tolerance must be a non-negative number"),
        ("rtol: 1e999", "line 1, column 7: a tolerance must be a non-negative number"),
        ("rtol: 0x10", "line 1, column 7: a tolerance must be a non-negative number"),
        ("rtol: [1]", "line 1, column 7: a tolerance must be a non-negative number"),
        ("rtol: true", "line 1, column 7: a tolerance must be a non-negative number"),
        ("ignore: {a: b}", "line 1, column 9: a pattern is expected here"),
        ("ignore: ['']", "line 1, column 10: a pattern is expected here: it is empty"),
        ("ignore: ['!']", "line 1, column 10: a pattern is expected here: it is empty"),
        ("ignore: [*.log]", "line 1, column 1"),
        ("ignore: [/tmp/x]", "line 1, column 10: a pattern is expected here: it begins in the run directory"),
        ("ignore: [a/../b]", "line 1, column 10: a pattern is expected here: it begins in the run directory"),
        ('ignore: ["\\e[2J"]', "line 1, column 10: a pattern is expected here: it is too long, or holds control"),
        (f"ignore: ['{'*a' * 11}']", "line 1, column 10: a pattern is expected here: it is too long, or holds"),
        ("keys: [a]", "line 1, column 7: a mapping of patterns to settings is expected here"),
        ("keys: {a: 1}", "line 1, column 11: a mapping is expected here, with rtol, atol"),
        ("keys: {a: {ignore: []}}", "line 1, column 12: 'ignore' is not a key of `results`"),
        ("files: {a: {files: {}}}", "line 1, column 13: 'files' is not a key of `results`"),
        ("files:\n  '': {rtol: 1}", "line 2, column 3: a pattern is expected here: it is empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(StashError) as error:
        read(text)
    assert str(error.value).startswith(f"{WHERE}: {told}")


def test_options_say_the_same_and_win() -> None:
    typed = rules_of_words(
        rtol=["1e-6", "*.csv=1e-3", "*.csv::loss=0.5", "::acc=0"],
        atol=["1"],
        ignore=["*.svg"],
        ignore_keys=["t", "a::b"],
    )
    assert typed == Rules(
        ("*.svg",),
        (("*", "t"), ("a", "b")),
        (
            Setting("*", "*", 1e-6, None),
            Setting("*.csv", "*", 1e-3, None),
            Setting("*.csv", "loss", 0.5, None),
            Setting("*", "acc", 0.0, None),
            Setting("*", "*", None, 1.0),
        ),
    )
    both = read(FULL).then(typed)
    assert both.tolerance("t.csv", "loss") == Tolerance(0.5, 1)
    assert both.leaves_out("plot.svg") == "*.svg"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"rtol": ["x"]}, "--rtol x: a non-negative number is expected, as in --rtol '*.csv=1e-6'"),
        ({"rtol": [""]}, "--rtol : a non-negative number is expected"),
        ({"atol": ["a=-1"]}, "--atol a=-1: a non-negative number is expected"),
        ({"atol": ["/a=1"]}, "--atol /a=1: '/a' is no pattern: it begins in the run directory"),
        ({"ignore": [""]}, "--ignore : '' is no pattern: it is empty"),
        ({"ignore_keys": ["../x::a"]}, "--ignore-keys ../x::a: '../x' is no pattern: it begins in the run directory"),
    ],
)
def test_an_option_that_means_nothing_is_wrong_usage(words: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError) as error:
        rules_of_words(**words)
    assert str(error.value).startswith(told)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("main.log", "*.log"),
        ("0/main.log", "*.log"),
        (".hydra/config.yaml", ".hydra"),
        ("3/.hydra/config.yaml", ".hydra"),
        ("multirun.yaml", "multirun.yaml"),
        (".submitit/1_log.out", ".submitit"),
        ("tb/events.out.tfevents.1793412250.ada.1.0", "events.out.tfevents.*"),
        ("plots/a.svg", "plots/"),
        ("deep/wandb/run/x", "wandb"),
        ("out/tmp/x", "out/tmp"),
        ("metrics.json", ""),
        ("mainlog", ""),
        ("keep.log", ""),
        ("out/keep.log", ""),
        ("Plots/a.svg", ""),
    ],
)
def test_which_files_are_no_results(path: str, pattern: str) -> None:
    assert Rules(ignore=("plots/", "wandb", "out/tmp", "!keep.log")).leaves_out(path) == pattern


@pytest.mark.parametrize(
    ("key", "pattern", "meets"),
    [
        ("runtime", "runtime", True),
        ("metrics.runtime", "runtime", True),
        ("metrics.runtime.fit", "runtime", True),
        ("metrics.runtime.fit", "metrics.runtime", True),
        ("metrics.runtime", "METRICS.*", True),
        ("Fit_Seconds", "*_seconds", True),
        ("history.*.time", "time", True),
        ("runtimes", "runtime", False),
        ("metrics.acc", "runtime", False),
    ],
)
def test_which_keys_a_pattern_meets(key: str, pattern: str, meets: bool) -> None:
    assert Rules(ignore_keys=(("*", pattern),)).leaves_out_key("a.json", key) is meets


def test_places_beside_the_run_directory() -> None:
    rules = read("paths: [results/, 'reports/*.json', ../../figures]")
    assert rules.paths == ("results", "reports/*.json", "../../figures")
    named = ["results/a/b.json", "reports/x.json", "../../figures/f.png"]
    assert [path for path in (*named, "other/a", "../figures/f", "reports/x.csv") if rules.names(path)] == named


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("paths: [.]", "a path below the tool or the stash is expected here, not all of it"),
        ("paths: [../..]", "a path below the tool or the stash is expected here, not all of it"),
        ("paths: [../../../x]", "'../../../x' leads out of the stash, or is no pattern"),
        ("paths: [/tmp/x]", "'/tmp/x' leads out of the stash, or is no pattern"),
        ("paths: [[x]]", "a path from the tool's directory is expected here"),
    ],
)
def test_a_place_that_is_none(text: str, complaint: str) -> None:
    with pytest.raises(StashError, match=r"configs/meta\.yaml: line 1, column 9: ") as refused:
        read(text)
    assert str(refused.value.args[0]).endswith(complaint)
