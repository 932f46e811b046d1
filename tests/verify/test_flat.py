"""The rule `flat`, for what OmegaConf reads otherwise and for what is meant to hurt."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable, Hashable

import pytest
import yaml
from experimentstash_inside import addresses as inside
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.grammar_parser import parse as parse_grammar

from experimentstash.core.errors import Problem
from experimentstash.core.names import SnapshotName
from experimentstash.core.yaml_scalars import construct
from experimentstash.stash import config_paths
from experimentstash.stash.snapshot_file import Snapshot, parse
from experimentstash.verify import flat
from experimentstash.verify.flat import flat_problems

NAME = SnapshotName("mytool", "camera-ready", "pca")
FIX = (
    "rm -f configs/mytool/snapshots/camera-ready/pca.yaml && experimentstash snapshot mytool pca --tag camera-ready"
    " && git add configs/mytool/snapshots/camera-ready tools/mytool"
)


def judge(body: str, *late: str) -> list[tuple[str, str]]:
    """Return where (after the path) and what, of each finding."""
    found = flat_problems(Snapshot(tuple(("LATE", line) for line in late), body), NAME)
    assert all(problem.rule == "flat" and problem.fix == FIX for problem in found)
    return [(problem.where.removeprefix(NAME.path), problem.what) for problem in found]


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "lr: 0.1\n",
        "---\nlr: 0.1\n...\n",
        "# a comment\nlr: 0.1\n",
        "a: {defaults: 1}\n",
        "a: [1, [2, {b: 3}]]\n",
        "1: a\n2: b\n'1': c\n",
        "'<<': 1\n",
        "a: \\${b}\n",
        "a: '\\\\\\${b}'\n",
        "a: $b\n",
        "a: !!binary YQ==\n",
        "a: !!str 1\nb: !!int 1\nc: !!float 1\nd: !!bool true\ne: !!null ''\n",
        "a: ! 12\n",
        "!!map {a: !!seq [1]}\n",
        "2024-01-01: 2024-01-01\n",
        "a: '!!python/object:os.system'\n",
        "a: '&x *x <<'\n",
        "${a}: 1\na: {'${b:c}': 1, 'x${': 2}\n",
    ],
)
def test_flat_bodies_hold(body: str) -> None:
    assert judge(body) == []


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ("", "", "there is no body; a config without values is '{}'"),
        ("# only a comment\n", "", "there is no body; a config without values is '{}'"),
        ("---\n", ":2", "the body is a single value, not a mapping"),
        ("[1]", ":1", "the body is a list, not a mapping"),
        ("3", ":1", "the body is a single value, not a mapping"),
        ("a: 1\n---\nb: 2\n", ":2", "a second YAML document"),
        ("a: 1\nb: 2\na: 3\n", ":3", "the key 'a' occurs twice"),
        ("x:\n- y:\n    a: 1\n    a: 2\n", ":4", "the key 'a' occurs twice"),
        ("yes: 1\ntrue: 2\n", ":2", "the key 'true' occurs twice"),
        ("1: a\n0x1: b\n", ":2", "the key '0x1' occurs twice"),
        ("1e3: a\n1000: b\n", ":2", "the key '1000' occurs twice"),
        ("defaults: []\n", ":1", "a root `defaults`: Hydra would compose it again"),
        ("a: 1\nb: ${a}\n", ":2", "an interpolation: '${a}'"),
        ("a: 'x ${oc.env:HOME} y'\n", ":1", "an interpolation: 'x ${oc.env:HOME} y'"),
        ("a: '\\\\${b}'\n", ":1", "an interpolation: '\\\\\\\\${b}'"),
        ("a: ${\n", ":1", "an interpolation: '${'"),
        ("${a}: ${b}\n", ":1", "an interpolation: '${b}'"),
        ("a: ['x', \"${b}\"]\n", ":1", "an interpolation: '${b}'"),
        ("a: &x 1\n", ":1", "an anchor, 'x'; write the value itself"),
        ("a: *x\n", ":1", "an alias, 'x'; write the value itself"),
        ("<<: {a: 1}\n", ":1", "a merge key (<<); write the value itself"),
        ("a: !!python/object/apply:os.system [ls]\n", ":1", "the tag '!!python/object/apply:os.system'; "),
        ("a: !custom x\n", ":1", "the tag '!custom'; a config holds plain values"),
        ("%TAG ! tag:evil:\n---\na: !x 1\n", ":3", "the tag 'tag:evil:x'; a config holds plain values"),
        ("a: !!set {b}\n", ":1", "the tag '!!set'; a config holds plain values"),
        ("a: !!omap [b: 1]\n", ":1", "the tag '!!omap'; a config holds plain values"),
        ("a: !!timestamp 2020-01-01\n", ":1", "the tag '!!timestamp'; a config holds plain values"),
        ("a: !!int x\n", ":1", "a value that cannot be read as '!!int': 'x'"),
        ("a: !!bool x\n", ":1", "a value that cannot be read as '!!bool': 'x'"),
        ("a: !!int ''\n", ":1", "a value that cannot be read as '!!int': ''"),
        ("a: 0b_\n", ":1", "a value that cannot be read as '!!int': '0b_'"),
        ("a: =\n", ":1", "a value that cannot be read as '!!value': '='"),
        ("0b_: a\n", ":1", "a key that cannot be read as '!!int': '0b_'"),
        ("a: " + "9" * 5000, ":1", f"a value that cannot be read as '!!int': '{'9' * 77}...'"),
        ("? [a]\n: 1\n", ":1", "a key that is a list or a mapping"),
        ("null: 1\n", ":1", "the key 'null' is null, which OmegaConf does not take"),
        ("a: 1\nb: [\n", ":3", "no YAML, column 1: "),
        ("a: 1\nb: \x01\n", ":2", "no YAML, column 4: a control character"),
        ("a: 1\nb:\t\n", ":2", "no YAML, column 3: found character '\\t' that cannot start any token"),
    ],
)
def test_a_finding_tells_the_line(body: str, where: str, what: str) -> None:
    (first, *_) = judge(body)
    assert first[0] == where
    assert first[1].startswith(what)


def test_what_is_not_flat_could_not_be_loaded_or_would_not_be_itself() -> None:
    """Each scalar that is refused as unreadable is one that OmegaConf cannot load either."""
    for body in ("a: 0b_\n", "a: =\n", "a: !!int x\n", "null: 1\n", "a: !!timestamp 2020-01-01\n", "b:\t\n"):
        assert judge(body)
        with pytest.raises((ValueError, yaml.YAMLError, OmegaConfBaseException)):
            OmegaConf.create(body)


def test_keys_are_the_keys_that_omegaconf_loads() -> None:
    plain = (
        "1 01 0x1 1.0 1e0 1_0 10 0b1 yes true True on off no y n ~ 2024-01-01 1:30 90 .5 0.5 +1 -0 0 '1' \"1\" 0o7 07 7"
    )
    for first, second in itertools.combinations(plain.split(), 2):
        loaded: list[object] = []
        for key in (first, second):
            try:
                loaded += OmegaConf.to_container(OmegaConf.create(f"{key}: x"))  # type: ignore[arg-type]  # a dict
            except OmegaConfBaseException:
                break
        if len(loaded) == 2:
            twice = any("occurs twice" in what for _, what in judge(f"{first}: a\n{second}: b\n"))
            assert twice == (loaded[0] == loaded[1]), (first, second, loaded)


def test_omegaconf_takes_keys_as_they_are() -> None:
    body = "${a}: 1\na: {'${b:c}': 1, 'x${': 2}\n"
    assert OmegaConf.to_container(OmegaConf.create(body), resolve=True) == yaml.safe_load(body)


def test_escapes_are_those_of_omegaconfs_grammar() -> None:
    def interpolates(text: str) -> bool:
        try:
            tree = parse_grammar(text)
        except OmegaConfBaseException:
            return True  # no text either: OmegaConf refuses to load it
        nodes, names = [tree], set()
        while nodes:
            node = nodes.pop()
            names.add(type(node).__name__)
            nodes += getattr(node, "children", None) or []
        return "InterpolationContext" in names

    texts = ("".join(chars) for n in range(2, 6) for chars in itertools.product("\\$a{}", repeat=n))
    for text in texts:
        if "${" in text:
            body = yaml.safe_dump({"k": text}, width=1000)
            assert bool(judge(body)) == interpolates(text), text


def test_late_lines_and_missing_values_belong_together() -> None:
    body = "a: ???\nb:\n- x\n- c: '???'\n7:\n  d: !!str ???\ne: '??? '\n"
    assert judge(body, "a=${now:}", "b.1.c=${hydra:runtime.output_dir}", "7.d=1") == []
    assert judge(body, "a=1", "++a=2", "b", "=3", "x.y=4", "7.d=${oc.env:X}") == [
        ("", "LATE names 'a' twice"),
        ("", "LATE 'b' is no override KEY=VALUE"),
        ("", "LATE '=3' is no override KEY=VALUE"),
        ("", "LATE names 'x.y', and the body has no ??? there"),
        (":4", "'b.1.c' is ??? and has no LATE line"),
    ]


def test_late_values_at_addresses() -> None:
    body = 'm:\n  a.b: ???\n  "x y": ???\n  7: ???\n  a:\n    b: ???\n'
    lines = ['m."a.b" = "${x}"', 'm."x\\u0020y" = "???"', 'm.7 = "${x}"']
    late = tuple(("LATE_AT", line) for line in lines)
    assert flat_problems(Snapshot((*late, ("LATE", "m.a.b=1")), body), NAME) == []
    wrong = (*late, ("LATE_AT", 'm."a.b" = "${y}"'), ("LATE_AT", "m.a = x"), ("LATE_AT", 'm.z = "x"'))
    assert [problem.what for problem in flat_problems(Snapshot(wrong, body), NAME)] == [
        "LATE_AT names 'm.\"a.b\"' twice",
        "LATE_AT 'm.a = x' is no ADDRESS = \"TEXT\"",
        "LATE_AT names 'm.z', and the body has no ??? there",
        "'m.a.b' is ??? and has no LATE line",
    ]


@pytest.mark.parametrize("key", ["a", "a b", "a.b", "é", 'q"', "", "1", 1, -2, True, 1.5, b"x y", "\u2028"])
def test_an_address_is_the_same_on_both_sides(key: Hashable) -> None:
    assert config_paths.component(key) == inside.address((key,))
    assert re.search(r"\s", config_paths.component(key)) is None


def test_lines_are_those_of_the_file() -> None:
    found = flat_problems(parse(b"# SNAPSHOT: a\n# X: b\n\na: 1\na: 2\n", "x"), NAME)
    assert found == [Problem(f"{NAME.path}:5", "flat", "the key 'a' occurs twice", FIX)]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (f"# X: y{sign}home: 1\n\na: 1\n", ":1", f"a line break U+{ord(sign):04X}, which ends a comment for YAML alone")
        for sign in "\u2028\u2029\x85\r"
    ]
    + [
        ("# X: y\n\na: 1 # z\u2028b: 2\n", ":3", "a line break U+2028, which ends a comment for YAML alone"),
        ("# X: y\x07\n\na: 1\n", ":1", "no YAML, column 7: a control character"),
        ("# X: y\x0b# @package b\n\na: 1\n", ":1", "no YAML, column 7: a control character"),
        ("# @package evil\n# X: y\n\na: 1\n", ":1", "an instruction to Hydra: '# @package evil'"),
        ("# X: y\n\n  #@package evil\na: 1\n", ":3", "an instruction to Hydra: '#@package evil'"),
        ("# X: y\n\nhydra: {run: {dir: .}}\n", ":3", "a root `hydra`: Hydra would take it for settings of its own"),
        ("# X: y\n\n'hydra': 1\n", ":3", "a root `hydra`: Hydra would take it for settings of its own"),
        ("# X: y\n  # LATE: a=1\n\na: ???\n", ":4", "'a' is ??? and has no LATE line"),
        ("\n# LATE: a=1\n\na: ???\n", ":4", "'a' is ??? and has no LATE line"),
        ("# LATE: a=$(\n\na: ???\n", "", "LATE 'a=$(' is no override KEY=VALUE"),
        ("# LATE: a=1,2\n\na: ???\n", "", "LATE 'a=1,2' is no override KEY=VALUE"),
        ("# LATE: a.b=1\n\na.b: ???\n", ":3", "'\"a.b\"' is ??? and has no LATE line"),
        ("# LATE: 1.b=1\n\n1:\n  b: ???\n'1':\n  b: ???\n", ":4", "'1.b' is ??? and has no LATE line"),
    ],
)
def test_a_file_is_judged_as_yaml_and_hydra_read_it(text: str, where: str, what: str) -> None:
    found = flat_problems(parse(text.encode(), "x"), NAME)
    assert (f"{NAME.path}{where}", what) in [(problem.where, problem.what) for problem in found]


def test_a_file_with_windows_line_endings_is_read_alike() -> None:
    parsed = parse(b"# X: y\r\n# LATE: a=1\r\n\r\na: ???\r\nb: 1\r\n", "x")
    assert parsed.header == (("X", "y"), ("LATE", "a=1"))
    assert flat_problems(parsed, NAME) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("a: " + "[" * 100_000, "nested more than 500 levels deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(3000)), "nested more than 500 levels deep"),
        ("a: &a [x]\n" + "".join(f"b{n}: &a [*a, *a, *a]\n" for n in range(50)), "an anchor, 'a'"),
        ("a: &" + "a" * 1_000_000 + " 1", f"an anchor, '{'a' * 77}...'; write the value itself"),
        ("a:\n" + "- 1\n" * 600_000, "more than 500000 values, too many for a config"),
        ("? " + "k" * 1_000_000 + "\n:\n" + " - ???\n" * 100_000, "too many ???"),
        ("a: 1" + ":00" * 1_000_000, "a value that cannot be read as '!!int'"),
        (lambda: "x" * (50 * 1024 * 1024 + 1), "52428801 characters, too large for a config (at most 52428800)"),
        (lambda: "a: 1\n" * 5_000_000, "the key 'a' occurs twice"),
    ],
    ids=["flow", "block", "bomb", "long anchor", "long list", "long paths", "base 60", "50 MB", "many findings"],
)
def test_hostile_bodies_are_answered(body: Callable[[], str] | str, what: str) -> None:
    found = judge(body() if callable(body) else body)
    assert any(told.startswith(what) for _, told in found)
    assert len(found) <= 50


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"key{n}: {n}.5e-3\n" for n in range(5000)),
        "{" + ", ".join(f"key{n}: {n}" for n in range(10_000)) + "}",
        "a: '" + "x" * 10_000_000 + "'",
        "a: " + "\\" * 1_000_000 + "{",
    ],
    ids=["5,000 lines", "10,000 keys in a line", "a long text", "backslashes"],
)
def test_large_configs_hold_and_take_no_time(body: str) -> None:
    started = time.process_time()
    assert judge(body) == []
    assert time.process_time() - started < 1  # five times what is promised: other tests run beside this one


def test_without_libyaml_the_findings_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = ["a: 1\n", "a: &x 1\nb: *x\n", "a: ${b}\n", "a: 1\na: 2\n", "[1]", "a: !x 1\n", "a: ???\n"]
    with_libyaml = [judge(body) for body in bodies]
    monkeypatch.setattr(flat, "_LOADER", yaml.SafeLoader)
    assert [judge(body) for body in bodies] == with_libyaml


def test_construct_refuses_what_is_no_plain_value() -> None:
    with pytest.raises(ValueError, match="timestamp"):
        construct("tag:yaml.org,2002:timestamp", "2020-01-01")


def test_nothing_heavy_is_loaded() -> None:
    """The rule judges interpolations without OmegaConf, which costs 68 ms (traps.md, *Speed*)."""
    code = (
        "import sys; from experimentstash.verify.flat import *\n"
        "from experimentstash.stash.snapshot_file import Snapshot\n"
        "from experimentstash.core.names import SnapshotName\n"
        "assert flat_problems(Snapshot((), 'a: ${b}\\n'), SnapshotName('t', 'a', 'e'))\n"
        "print([name for name in ('click', 'omegaconf', 'dulwich', 'hydra') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
