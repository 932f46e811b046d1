"""The registry: what is read, what is refused with line and column, and edits that touch nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import yaml
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st

from experimentstash.core.errors import StashError
from experimentstash.stash import registry
from experimentstash.stash.tool import Tool

WHERE = "configs/meta.yaml"
TOOL = Tool("new", "-m new.main", ("new.configs", "other.configs"), workdir="sub", late=("a.b", "c d"))


def parse(text: str) -> dict[str, Tool]:
    return registry.parse(text.encode(), WHERE)


def test_reads_every_key() -> None:
    text = """
    tools:
      mytool:
        path: tools/mytool/
        entrypoint: "-m mytool.main"
        search_packages: "mytool.configs: other.configs"
        workdir: ./sub/
        python: ~/env/bin/python
        select: append
        late: [seed, a.b]
        keep: path
        lock: installed
        description: anything
        more: {deep: [1]}
      second:
        entrypoint: src/train.py
        search_packages: [a, b.c]
      third: {entrypoint: train, workdir: , select: ~}
    other: [1, 2]
    """
    assert parse(text) == {
        "mytool": Tool(
            "mytool",
            "-m mytool.main",
            ("mytool.configs", "other.configs"),
            "sub",
            "~/env/bin/python",
            "append",
            ("seed", "a.b"),
            ("path",),
            lock="installed",
        ),
        "second": Tool("second", "src/train.py", ("a", "b.c")),
        "third": Tool("third", "train"),
    }


def test_a_tool_knows_its_path_and_module() -> None:
    assert (Tool("x", "-m  a.b").path, Tool("x", "-m  a.b").module) == ("tools/x", "a.b")
    assert Tool("x", "src/train.py").module is None


@pytest.mark.parametrize(
    "text", ["tools:\n", "tools: {}\n", "tools: ~", "# c\ntools: null # c\nx: 1\n", "\ufefftools:\n"]
)
def test_no_tool_yet_is_fine(text: str) -> None:
    assert parse(text) == {}


@pytest.mark.parametrize("name", ["1e3", "on", "null", "123", "2024-01-01"])
def test_a_name_is_its_text(name: str) -> None:
    assert list(parse(f"tools:\n  {name}:\n    entrypoint: x.py\n")) == [name]


def tool(lines: str) -> str:
    return f"tools:\n  mytool:\n    entrypoint: x.py\n    {lines}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it has no `tools:`"),
        ("# only a comment\n", "it has no `tools:`"),
        ("tool: {}\n", "line 1, column 1: a registry has the key `tools`"),
        ("- a\n", "line 1, column 1: a registry is a mapping with the key `tools`"),
        ("tools: [a]\n", "line 1, column 8: `tools` must be a mapping"),
        ("tools:\n  a: x.py\n", "line 2, column 6: the tool 'a' is a mapping with an `entrypoint`"),
        ("tools:\n  a: {}\n", "line 2, column 3: the tool 'a' has no `entrypoint`"),
        ("tools:\n  a:\n    entrypoint: x\n  a:\n    entrypoint: y\n", "line 4, column 3: duplicate key 'a'"),
        ("tools: {}\ntools: {}\n", "line 2, column 1: duplicate key 'tools'"),
        (tool("entrypoint: y.py"), "line 4, column 5: duplicate key 'entrypoint'"),
        ("tools:\n  ../x:\n    entrypoint: x\n", "line 2, column 3: '../x' is not a valid tool name: "),
        ("tools:\n  ? [a]\n  : {entrypoint: x}\n", "line 2, column 5: a key must be a scalar"),
        ("tools:\n  a: {\n", "line 3, column 1: "),
        ("tools:\n\t- x\n", "line 2, column 1: found character that cannot start any token"),
        ("tools: {}\n---\ntools: {}\n", "line 2, column 1: but found another document"),
        ("tools: &a {x: {entrypoint: y}}\nb: *a\n", "line 2, column 4: an alias is not allowed here"),
        (tool("path: tools/other"), "line 4, column 11: the path of 'mytool' is tools/mytool, always"),
        (tool("workdir: /tmp"), "line 4, column 14: the workdir '/tmp' lies outside of the tool"),
        (tool("workdir: a/../../b"), "line 4, column 14: the workdir 'a/../../b' lies outside"),
        (tool("workdir: -x"), "line 4, column 14: a workdir begins with no '-'"),
        (tool("workdir: 1"), "line 4, column 14: text is expected here"),
        (tool("lock: none"), "line 4, column 11: lock is one of shipped, installed, not 'none'"),
        (tool("python: 3.11"), "line 4, column 13: text is expected here"),
        (tool('python: "a\\nb"'), "line 4, column 13: 'a\\nb' is empty or contains control characters"),
        (tool("python: ''"), "line 4, column 13: '' is empty"),
        (tool("select: grup"), "line 4, column 13: select is one of group, append, primary, compose, not 'grup'"),
        (tool("late: {a: b}"), "line 4, column 11: text is expected here"),
        (tool("search_packages: 'a:--help'"), "line 4, column 22: '--help' is no package"),
        (tool("search_packages: 'pkg://a'"), "line 4, column 22: '//a' is no package"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(StashError) as error:
        parse(text)
    assert str(error.value).startswith(f"{WHERE}: {told}")
    assert error.value.fix


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("-c 'import os'", "is no `-m MODULE`"),
        ("-m", "is no `-m MODULE`"),
        ("-m a;b", "is no `-m MODULE`"),
        ("-m a.b --flag", "is no `-m MODULE`"),
        ("--help", "is no `-m MODULE`"),
        ("/bin/sh", "lies outside of the tool"),
        ("~/x.py", "lies outside of the tool"),
        ("../x.py", "lies outside of the tool"),
        ("a/../../x.py", "lies outside of the tool"),
        ("x.py --flag", "takes no arguments"),
    ],
)
def test_an_entrypoint_that_begins_oddly(entrypoint: str, told: str) -> None:
    with pytest.raises(StashError, match=f"line 3, column 17: .*{told}"):
        parse(f'tools:\n  a:\n    entrypoint: "{entrypoint}"\n')


@pytest.mark.parametrize("entrypoint", ["-m a", "src/train.py", "train", "bin/my train", "a.b/c"])
def test_an_entrypoint_that_is_fine(entrypoint: str) -> None:
    assert parse(f"tools: {{a: {{entrypoint: '{entrypoint}'}}}}")["a"].entrypoint == entrypoint


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"tools:\n  a: \xff\n", "line 2, column 6: not UTF-8"),
        (b"# x\n# \x00\ntools: {}\n", "line 2, column 3: YAML does not allow this control character"),
        ("tools: {}\n# é \x07\n".encode(), "line 2, column 5: YAML does not allow this control character"),
        (b"x" * 1_000_001, "1000001 bytes, more than the limit of 1000000"),
        (b"[" * 900_000, "line 1, column 101: nested more than 100 levels deep"),
        (b"a: " + b"{" * 5000, "line 1, column 103: nested more than 100 levels deep"),
        (b"- " * 400_000, "line 1, column 201: nested more than 100 levels deep"),
        (b"tools: {}\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "line 3, column 8: an alias is not allowed here"),
    ],
)
def test_hostile_bytes(data: bytes, told: str) -> None:
    with pytest.raises(StashError) as error:
        registry.parse(data, WHERE)
    assert str(error.value).startswith(f"{WHERE}: {told}")


@given(st.binary(max_size=200) | st.text("tools: {}[]&*!|>-\n'\"#?%@`,\t", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(StashError):
        registry.parse(data, WHERE)


def test_language_tags_build_nothing(tmp_path: Path) -> None:
    text = f"tools: {{}}\nx: !!python/object/apply:pathlib.Path.touch [!!python/name:x '', {tmp_path / 'made'}]\n"
    assert parse(text) == {}
    assert not (tmp_path / "made").exists()


def test_load_follows_no_link_out_of_the_stash(tmp_path: Path) -> None:
    (tmp_path / "theirs.yaml").write_text("tools: {}\n")
    stash = tmp_path / "stash"
    (stash / "configs").mkdir(parents=True)
    (stash / WHERE).symlink_to(tmp_path / "theirs.yaml")
    with pytest.raises(StashError, match="a symlink that leads out of"):
        registry.load(stash)


def test_load_without_a_registry(tmp_path: Path) -> None:
    with pytest.raises(StashError) as error:
        registry.load(tmp_path)
    assert (str(error.value), error.value.fix) == (
        f"{tmp_path}: not a stash: it has no configs/meta.yaml\n    fix: experimentstash init",
        "experimentstash init",
    )


def test_find_tells_near_names() -> None:
    tools = {name: Tool(name, "x.py") for name in ("manylatents", "other")}
    assert registry.find(tools, "other").name == "other"
    with pytest.raises(StashError) as error:
        registry.find(tools, "manylatent")
    assert str(error.value) == (
        "no tool 'manylatent' in configs/meta.yaml; did you mean manylatents?\n"
        "    fix: experimentstash add-tool manylatent URL"
    )
    with pytest.raises(StashError) as error:
        registry.find({}, "\x1b[31m")
    assert str(error.value) == "no tool '\\x1b[31m' in configs/meta.yaml"


NEW = """\
  new:
    path: tools/new
    entrypoint: "-m new.main"
    search_packages: "new.configs:other.configs"
    workdir: sub
    late: [a.b, "c d"]
"""
OTHERS = """\
# the registry of our paper
tools:
  mytool:   # the first
    path:       tools/mytool
    entrypoint: '-m mytool.main'   # quoted as it is
    note: >
      folded
      text
    # further keys are allowed and kept
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tools:\n", "tools:\n" + NEW),
        ("tools: {}\n", "tools:\n" + NEW),
        ("tools: {} # none\n# more\n", "tools: # none\n" + NEW + "# more\n"),
        ("tools: null\nother: 1\n", "tools:\n" + NEW + "other: 1\n"),
        ("tools:\n  # none yet\n\nother: 1\n", "tools:\n" + NEW + "  # none yet\n\nother: 1\n"),
        (OTHERS, OTHERS + NEW),
        (OTHERS + "\n# about us\nauthors: []\n", OTHERS + NEW + "\n# about us\nauthors: []\n"),
        (OTHERS.rstrip("\n"), OTHERS + NEW),
        ("tools:\n  a: {entrypoint: x}\n", "tools:\n  a: {entrypoint: x}\n" + NEW),
        (
            "tools: {a: {entrypoint: x}, }",
            (
                'tools: {a: {entrypoint: x}, new: {path: tools/new, entrypoint: "-m new.main",'
                ' search_packages: "new.configs:other.configs", workdir: sub, late: [a.b, "c d"]}, }'
            ),
        ),
    ],
)
def test_a_tool_is_added_and_all_else_stays(before: str, after: str) -> None:
    assert registry.with_tool(before, TOOL) == after


def test_an_indentation_of_four_and_the_line_breaks_of_windows_are_kept() -> None:
    before = "tools:\r\n    a:\r\n        entrypoint: é.py # c\r\n\r\nz: 1\r\n"
    added = "    b:\r\n        path: tools/b\r\n        entrypoint: b.py\r\n"
    after = registry.with_tool(before, Tool("b", "b.py"))
    assert after == before.replace("\r\n\r\nz", f"\r\n{added}\r\nz")


def test_what_looks_like_something_else_is_quoted() -> None:
    odd = Tool("yes", "on", late=("yes", "1e3", "~", "a: b #", "\u2028"), python="~/x")
    text = registry.with_tool("tools:\n", odd._replace(late=odd.late[:-1]))
    assert parse(text)["yes"] == odd._replace(late=odd.late[:-1])
    assert yaml.safe_load(text)["tools"]["yes"]["late"] == ["yes", "1e3", "~", "a: b #"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "tools:\n  a:\n    entrypoint: x # c\n\nz: 1\n",
            "tools:\n  a:\n    entrypoint: x # c\n    select: group\n\nz: 1\n",
        ),
        (
            "tools:\n  a:\n    entrypoint: x\n    select:   'append'  # why\n",
            "tools:\n  a:\n    entrypoint: x\n    select:   group  # why\n",
        ),
        ("tools:\n  a:\n    select:\n    entrypoint: x\n", "tools:\n  a:\n    select: group\n    entrypoint: x\n"),
        ("tools: {a: {entrypoint: x, k: }}", "tools: {a: {entrypoint: x, k: , select: group }}"),
    ],
)
def test_a_key_is_set_and_all_else_stays(before: str, after: str) -> None:
    assert registry.with_key(before, "a", "select", "group") == after


@pytest.mark.parametrize(
    "block", ["late:\n    - b\n    - c", "late:\n      - b\n      # c\n      - d", "late: [b,\n      c]"]
)
def test_a_list_is_replaced(block: str) -> None:
    before = f"tools:\n  a:\n    entrypoint: x\n    {block}\nz: 1\n"
    assert registry.with_key(before, "a", "late", ["new"]) == "tools:\n  a:\n    entrypoint: x\n    late: [new]\nz: 1\n"


def test_a_bad_value_or_an_unknown_tool_is_refused() -> None:
    with pytest.raises(StashError, match="select is one of"):
        registry.with_key("tools: {a: {entrypoint: x}}", "a", "select", "grup")
    with pytest.raises(StashError, match="no tool 'b'"):
        registry.with_key("tools: {a: {entrypoint: x}}", "b", "select", "group")
    with pytest.raises(StashError, match="the tool 'a' already exists"):
        registry.with_tool("tools: {a: {entrypoint: x}}", Tool("a", "x"))


def test_a_layout_that_cannot_be_edited_is_told() -> None:
    with pytest.raises(StashError, match="no ':' after the key 'tools'"):
        registry.with_tool("{tools}", TOOL)


_WORDS = st.text("abc é:#'\"-[]{},&*!|>%@`?~ 0123yesno.", min_size=1, max_size=12).filter(str.strip)


@settings(deadline=None)
@given(
    st.lists(_WORDS, max_size=3), _WORDS, st.sampled_from([OTHERS, "tools: {}\n", "tools: {mytool: {entrypoint: x}}"])
)
def test_what_is_written_is_what_is_read(late: list[str], python: str, text: str) -> None:
    tool = Tool("new", "-m new", late=tuple(word.strip() for word in late), python=python)
    after = registry.with_tool(text, tool)
    assert parse(after)["new"] == tool
    assert {**parse(after), "new": None} == {**parse(text), "new": None}
    assert all(line in after for line in text.splitlines() if "{" not in line)


def test_the_hooks_path_loads_no_editor(tmp_path: Path) -> None:
    program = (
        "import sys, experimentstash.stash.registry\n"
        "heavy = ('experimentstash.core.yaml_edit', 'dulwich', 'omegaconf', 'click', 'hydra')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run("python", "-c", program, cwd=tmp_path).out == "[]\n"
