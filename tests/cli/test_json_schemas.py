"""What the commands print as JSON, and the registry, against their schemas; nothing more and nothing less is there."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from checked_json import check, schema
from conftest import estash, git, write
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from papers import Paper, make_paper
from stashes import healthy

from experimentstash.cli import json_schemas
from experimentstash.stash.tool import _READERS, LOCKS, SELECTS


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return make_paper(tmp_path_factory.mktemp("paper"))


@pytest.mark.parametrize("name", json_schemas.names())
def test_each_is_a_schema_and_is_printed(name: str, tmp_path: Path) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert estash("schema", name, cwd=tmp_path).out == json_schemas.text(name)


@pytest.mark.parametrize(
    "words",
    [
        *(("status",), ("log",), ("show", "v1"), ("show", "v1:pca"), ("diff", "v1", "v2"), ("why", "v1", "v2")),
        *(("diff", "v1", "v2", "--only-changed"), ("verify", "--all"), ("doctor",), ("tag",), ("cache",)),
        ("find", "curve.csv"),
    ],
)
def test_the_output_of_a_command(paper: Paper, words: tuple[str, ...]) -> None:
    write(paper.root, {"curve.csv": "not recorded\n"})
    check(words[0], json.loads(estash(*words, "--json", cwd=paper.root).out))


def test_the_output_for_a_stash_that_does_not_hold(tmp_path: Path) -> None:
    root = healthy(tmp_path / "stash")
    git("tag", "-d", "snapshot/tag-two", cwd=root)
    git("update-ref", "refs/tags/snapshot/a-blob", git("rev-parse", "HEAD:configs/meta.yaml", cwd=root), cwd=root)
    write(root, {"configs/meta.yaml": "tools: ["})
    for words in (("status",), ("log",), ("show", "tag-one"), ("verify", "--all"), ("tag",), ("doctor",)):
        check(words[0], json.loads(estash(*words, "--json", cwd=root).out))


def test_the_schema_of_the_registry_has_the_keys_that_are_read() -> None:
    entry = schema("registry")["properties"]["tools"]["additionalProperties"]
    assert set(entry["properties"]) == {"path", *_READERS}
    assert entry["properties"]["select"]["anyOf"][0]["enum"] == list(SELECTS)
    assert entry["properties"]["lock"]["anyOf"][0]["enum"] == list(LOCKS)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tools: {}", True),
        ("tools:", True),
        ("tools: {a: {entrypoint: x, own: [1]}}\nmore: 1", True),
        (
            "tools: {a: {entrypoint: x, late: [b], keep: c, select: group, results: {rtol: 1, keys: {k: {atol: 0}}}}}",
            True,
        ),
        ("tools: {a: {}}", False),
        ("tools: {a: {entrypoint: x, select: other}}", False),
        ("tools: {a: {entrypoint: x, results: {rtol: -1}}}", False),
        ("tools: {a: {entrypoint: x, results: {more: 1}}}", False),
        ("tools: {.a: {entrypoint: x}}", False),
        ("tool: {}", False),
        ("[]", False),
    ],
)
def test_the_schema_of_the_registry_says_what_the_program_says(text: str, holds: bool, tmp_path: Path) -> None:
    validator = Draft202012Validator(schema("registry"))
    assert validator.is_valid(yaml.safe_load(text)) == holds
    git("init", "-q", cwd=tmp_path)
    write(tmp_path, {"configs/meta.yaml": text + "\n"})
    problems = json.loads(estash("status", "--json", cwd=tmp_path).out)["problems"]
    assert (not problems) == holds


def test_init_names_the_schema_in_the_first_line(tmp_path: Path) -> None:
    assert estash("init", "paper", cwd=tmp_path).code == 0
    registry = tmp_path / "paper/configs/meta.yaml"
    first = registry.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=meta.schema.json"
    assert json.loads((registry.parent / "meta.schema.json").read_text()) == schema("registry")
    Draft202012Validator(schema("registry")).validate(yaml.safe_load(registry.read_text()))


def test_a_check_can_fail() -> None:
    data = {"snapshots": 1, "problems": []}
    check("verify", data)
    for change in ({"snapshots": "1"}, {"more": 1}):
        with pytest.raises(ValidationError):
            check("verify", copy.deepcopy(data) | change)
