"""Which lock is taken, why others are not, and what no lock may name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import write
from locks import lock
from tiny_packages import hashed, tool_with_requirements, tool_with_uv_lock, wheel

from experimentstash.core import toml_text
from experimentstash.core.errors import StashError
from experimentstash.environments.formats import requirements_file
from experimentstash.environments.formats.base import LARGEST
from experimentstash.environments.formats.uv import UvLock
from experimentstash.environments.hosts import hosts
from experimentstash.environments.lock_file import find_lock, open_lock

A = "0" * 64
UV_LOCK = """version = 1
requires-python = ">=3.10"

[[package]]
name = "mytool"
version = "0.3"
source = { editable = "." }
dependencies = [
    { name = "Tiny_One" },
]

[package.metadata]
requires-dist = [{ name = "tiny-one" }]

[[package]]
name = "Tiny_One"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
wheels = [
    { url = "https://files.pythonhosted.org/x/tiny_one-1.0-py3-none-any.whl", hash = "sha256:00" },
]
"""


@pytest.fixture
def stash(tmp_path: Path) -> Path:
    (tmp_path / "stash/tools/mytool").mkdir(parents=True)
    return tmp_path / "stash"


def found(stash: Path, workdir: str = ".") -> str:
    lock = find_lock(stash, "tools/mytool", workdir).lock
    return "" if lock is None else f"{lock.kind} {lock.name}"


def test_a_tool_without_one(stash: Path) -> None:
    write(stash / "tools/mytool", {"main.py": "", "README.md": ""})
    assert find_lock(stash, "tools/mytool") == find_lock(stash, "tools/nobody")
    assert find_lock(stash, "tools/mytool").lock is None
    assert find_lock(stash, "tools/mytool").told == ()


def test_the_most_trusted_is_taken_and_the_others_told(stash: Path) -> None:
    tool = stash / "tools/mytool"
    write(tool, {"environment.yml": "dependencies: [numpy=1.26.4]\n", "conda-lock.yml": "version: 1\n"})
    assert found(stash) == "conda-lock tools/mytool/conda-lock.yml"
    write(tool, {"requirements.txt": f"numpy==1 --hash=sha256:{A}\n"})
    assert found(stash) == "requirements tools/mytool/requirements.txt"
    write(tool, {"poetry.lock": "", "pyproject.toml": ""})
    assert found(stash) == "poetry tools/mytool/poetry.lock"
    write(tool, {"pylock.toml": ""})
    assert found(stash) == "pylock tools/mytool/pylock.toml"
    write(tool, {"uv.lock": UV_LOCK})
    answer = find_lock(stash, "tools/mytool", extras=("cpu",), groups=("plots",))
    assert answer.lock == UvLock(
        stash, "tools/mytool/uv.lock", hashlib.sha256(UV_LOCK.encode()).hexdigest(), ("cpu",), ("plots",)
    )
    names = "pylock.toml poetry.lock requirements.txt conda-lock.yml environment.yml".split()
    others = ", ".join(f"tools/mytool/{name}" for name in names)
    assert answer.told == (f"{others}: passed over for tools/mytool/uv.lock",)


def test_a_uv_lock_without_its_project_is_none(stash: Path) -> None:
    write(stash / "tools/mytool", {"uv.lock": UV_LOCK})
    assert find_lock(stash, "tools/mytool").told == ("tools/mytool/uv.lock: no pyproject.toml beside it",)


def test_the_nearest_folder_upwards_from_the_working_folder(stash: Path) -> None:
    tool = stash / "tools/mytool"
    write(tool, {"uv.lock": UV_LOCK, "pyproject.toml": "", "a/b/main.py": ""})
    assert found(stash, "a/b") == "uv tools/mytool/uv.lock"
    write(tool, {"a/requirements.txt": f"numpy==1 --hash=sha256:{A}\n"})
    assert found(stash, "a/b") == "requirements tools/mytool/a/requirements.txt"
    assert found(stash) == "uv tools/mytool/uv.lock"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("numpy==1.0\ntorch==2.0\n", "pinned without hashes: no lock"),
        ("numpy>=1.0\n", "not every line is pinned: no lock"),
        (f"numpy==1.0 --hash=sha256:{A}\ntorch==2.0\n", "pinned without hashes: no lock"),
        (f"numpy==1.* --hash=sha256:{A}\n", "not every line is pinned: no lock"),
        ("", "not every line is pinned: no lock"),
    ],
)
def test_requirements_are_a_lock_if_every_line_has_a_hash(stash: Path, text: str, told: str) -> None:
    write(stash / "tools/mytool", {"requirements.txt": text})
    answer = find_lock(stash, "tools/mytool")
    assert (answer.lock, answer.told) == (None, (f"tools/mytool/requirements.txt: {told}",))


def test_requirements_for_running_are_taken(stash: Path) -> None:
    one = f"numpy==1 --hash=sha256:{A}\n"
    names = ("requirements-dev.txt", "requirements_test.txt", "requirements-gpu.txt")
    write(stash / "tools/mytool", dict.fromkeys(names, one))
    assert found(stash) == "requirements tools/mytool/requirements-gpu.txt"
    write(stash / "tools/mytool", {"requirements-lock.txt": one})
    assert found(stash) == "requirements tools/mytool/requirements-lock.txt"
    write(stash / "tools/mytool", {"requirements.txt": one})
    assert found(stash) == "requirements tools/mytool/requirements.txt"


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("Foo_Bar==1.2.3", "foo-bar", "1.2.3"),
        ("foo[a, b]==1.0+cpu ; python_version < '3.12'", "foo", "1.0+cpu"),
        ("foo (==1.0)", "foo", "1.0"),
        ("foo === 1.0", "foo", "1.0"),
        ("foo==1.0,!=1.1", "foo", ""),
        ("foo @ https://example.org/foo-1.0-py3-none-any.whl", "foo", ""),
        ("foo @ git+https://example.org/foo.git@" + "a" * 40 + " ; python_version >= '3.8'", "foo", ""),
    ],
)
def test_a_line_of_requirements(line: str, name: str, version: str) -> None:
    wanted = requirements_file.parse_line(line, "here")
    assert (wanted.name, wanted.version) == (name, version)
    assert wanted.is_pinned == (version != "" or "@" in line)


def test_requirements_as_pip_compile_writes_them(stash: Path) -> None:
    text = (
        "#\n# made by pip-compile\n#\n--index-url https://pypi.org/simple\n--extra-index-url=https://other.org/simple\n\n"
        f"foo[x]==1.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{'1' * 64}\n    # via -r requirements.in\n"
        f"bar @ https://example.org/bar.whl#sha256={A}\n-r sub/more.txt\n-c constraints.txt\n"
    )
    write(stash, {"requirements.txt": text, "sub/more.txt": f"baz==2 --hash sha256:{A}", "constraints.txt": "bar<3\n"})
    read = requirements_file.read(stash, stash / "requirements.txt")
    assert [one.name for one in read.entries] == ["foo", "bar", "baz"]
    assert read.entries[0].hashes == (f"sha256:{A}", f"sha256:{'1' * 64}")
    assert read.is_hashed
    assert [path.relative_to(stash).as_posix() for path in read.texts] == [
        "requirements.txt",
        "sub/more.txt",
        "constraints.txt",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-r /etc/passwd", "lies outside of"),
        ("-r ../../../x.txt", "lies outside of"),
        ("--requirement=../../../x.txt", "lies outside of"),
        ("-c ../../../x.txt", "lies outside of"),
        ("-r https://example.org/x.txt", "is not allowed in a lock file"),
        ("-e ../../../x", "is not allowed in a lock file"),
        ("-e .", "is not allowed in a lock file"),
        (".", "is not a requirement that a lock file may contain"),
        ("../../x", "is not a requirement that a lock file may contain"),
        ("foo @ file:///etc", "packages must come over https"),
        ("foo @ git+file:///etc", "packages must come over https"),
        ("foo @ http://example.org/foo.whl", "packages must come over https"),
        ("--index-url http://example.org/simple", "packages must come over https"),
        ("-i http://example.org/simple", "packages must come over https"),
        ("--extra-index-url=file:///etc", "packages must come over https"),
        ("--find-links ../../../wheels", "lies outside of"),
        ("-f /wheels", "lies outside of"),
        ("--find-links http://example.org/", "is not allowed in a lock file"),
        ("--find-links file:///etc", "is not allowed in a lock file"),
        ("--trusted-host example.org", "is not allowed in a lock file"),
        ("--global-option=x", "is not allowed in a lock file"),
        ("foo==1.0 --config-settings=x=y", "is not a requirement that a lock file may contain"),
        ("--config-settings x=y", "is not allowed in a lock file"),
        ("-vvv", "is not allowed in a lock file"),
        ("-", "is not allowed in a lock file"),
        # what pip and uv make of a line, and a reader that is not careful does not
        ("-r ${HOME}/x.txt", "an environment variable"),
        ("--find-links ${HOME}", "an environment variable"),
        ("--index-url https://example.org/${TOKEN}/simple", "an environment variable"),
        ("foo @ https://${TOKEN}.example.org/foo.whl", "an environment variable"),
        ('-r ".""."/".""."/x.txt', "is not allowed in a lock file"),
        ("-r x.txt -e ../y", "is not allowed in a lock file"),
        ("--find-links .\\./x", "is not allowed in a lock file"),
        ("foo==1\t--config-settings=x=y", "is not a requirement that a lock file may contain"),
        ("foo==1 # comment \\\n-e ../../../x", "is not a requirement that a lock file may contain"),
        ("# coding: utf-7\n# +AAo--e ../../../x", "UTF-8"),
    ],
)
def test_what_leads_out_of_the_stash_is_refused(stash: Path, line: str, told: str) -> None:
    wanted = lock(stash, "requirements", "tools/mytool/requirements.txt", f"foo==1 --hash=sha256:{A}\n{line}\n")
    if line.startswith("# coding"):  # which counts on the first lines alone
        wanted = lock(stash, "requirements", "tools/mytool/requirements.txt", f"{line}\nfoo==1 --hash=sha256:{A}\n")
    with pytest.raises(StashError, match=told):
        wanted.check()
    answer = find_lock(stash, "tools/mytool")
    assert answer.lock is None
    assert len(answer.told) == 1


def test_a_link_out_of_the_stash_is_refused(stash: Path, tmp_path: Path) -> None:
    write(tmp_path, {"outside.txt": f"foo==1 --hash=sha256:{A}\n"})
    (stash / "tools/mytool/requirements.txt").symlink_to(tmp_path / "outside.txt")
    answer = find_lock(stash, "tools/mytool")
    assert answer.lock is None
    assert "a symlink that leads out of" in answer.told[0]


def test_files_that_take_each_other_in_end(stash: Path) -> None:
    one = f"-r b.txt\nfoo==1 --hash=sha256:{A}\n"
    write(stash, {"a.txt": one, "b.txt": "-r a.txt\n"})
    assert [wanted.name for wanted in requirements_file.read(stash, stash / "a.txt").entries] == ["foo"]
    write(stash, {f"f{number}.txt": f"-r f{number + 1}.txt\n" for number in range(30)})
    with pytest.raises(StashError, match="more than 20 requirements files"):
        requirements_file.read(stash, stash / "f0.txt")


def test_a_lock_without_an_end_is_refused(stash: Path) -> None:
    with (stash / "requirements.txt").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(StashError, match="too large for a lock file"):
        requirements_file.read(stash, stash / "requirements.txt")


@pytest.mark.parametrize("size", [50_000])
@pytest.mark.parametrize("piece", [" ", "\\\n", "#", " #", "[", "--hash=", "=", "a.", "foo ", "(", "\t;"])
def test_long_lines_are_read_in_the_time_that_their_length_asks(stash: Path, piece: str, size: int) -> None:
    write(stash, {"requirements.txt": f"foo{piece * size}==1\n", "uv.lock": f"[[package]]\nname = {piece * size}\n"})
    try:
        requirements_file.read(stash, stash / "requirements.txt")
    except StashError as error:
        assert len(str(error)) < 1000  # noqa: PT017  (either is fine; it ends)
    with pytest.raises(StashError, match=r"uv\.lock(:2)?: (invalid TOML|values are nested|the dotted key)"):
        UvLock(stash, "uv.lock", A).versions()


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 5000 + " = 1",
        "[a" + ".a" * 5000 + "]",
        'x = {a = """ " """, b' + ".b" * 5000 + ' = 1, c = " "}',
        "x = " + "[" * 50_000,
        "x = " + "{a=" * 50_000,
    ],
)
def test_toml_that_costs_more_than_its_length_is_refused(text: str) -> None:
    with pytest.raises(StashError, match=r"x(:1)?: (the dotted key has too many parts|values are nested too deeply)"):
        toml_text.parse(text.encode(), "x")


@pytest.mark.parametrize(
    "source",
    [
        '{ editable = "../../../other" }',
        '{ directory = "/etc" }',
        '{ path = "../../../x.whl" }',
        '{ registry = "/wheels" }',
        '{ registry = "file:///wheels" }',
        "{ virtual = '../../..' }",
        '{ git = "file:///repository" }',
        '{ url = "file:///x.whl" }',
        '{ url = "FILE:///x.whl" }',
        '{ directory = "file://localhost/etc" }',
        '{ directory = "file:/etc" }',
        '{ directory = "file:%2e%2e/%2e%2e/%2e%2e" }',
        '{ registry = "https:/example.org/simple" }',
        '{ registry = "https:example.org/simple" }',
    ],
)
def test_a_uv_lock_that_leads_out_of_the_stash_is_refused(stash: Path, source: str) -> None:
    text = f'{UV_LOCK}\n[[package]]\nname = "evil"\nversion = "1"\nsource = {source}\n'
    write(stash / "tools/mytool", {"pyproject.toml": ""})
    wanted = lock(stash, "uv", "tools/mytool/uv.lock", text)
    with pytest.raises(StashError, match=r"uv\.lock: evil is taken from .*, which is outside of the stash"):
        wanted.check()
    assert find_lock(stash, "tools/mytool").lock is None


@pytest.mark.parametrize(
    "text",
    [
        '[[ package ]]\nname = "evil"\nsource = { directory = "/etc" }',
        '  [[package]]\nname = "evil"\nsource = { directory = "/etc" }',
        '[["package"]]\nname = "evil"\nsource = { directory = "/etc" }',
        'package = [{ name = "evil", source = { directory = "/etc" } }]',
        '"package" = [{ name = "evil", source = { directory = "/etc" } }]',
        '[[package]]\nname = "evil"\nsource = { "directory" = "/etc" }',
        '[[package]]\nname = "evil"\nsource = { "dir\\u0065ctory" = "/etc" }',
        '[[package]]\nname = "evil"\nsource = { directory = "\\u002fetc" }',
        '[[package]]\nname = "evil"\nsource = { directory = """/etc""" }',
        "[[package]]\nname = 'evil'\nsource = { directory = '''/etc''' }",
        '[[package]]\nname = "evil"\nsource.directory = "/etc"',
        '[[package]]\nname = "evil"\nsource . "directory" = "/etc"',
    ],
)
def test_a_uv_lock_that_is_written_to_deceive_is_refused(stash: Path, text: str) -> None:
    """Each of them is TOML, and read by its lines it would be something else."""
    wanted = lock(stash, "uv", "tools/mytool/uv.lock", f"version = 1\n{text}\n")
    with pytest.raises(StashError, match=r"invalid TOML|which is outside of the stash"):
        wanted.check()


def test_a_sibling_tool_of_the_stash_is_inside(stash: Path) -> None:
    text = f'{UV_LOCK}\n[[package]]\nname = "other"\nversion = "1"\nsource = {{ editable = "../other" }}\n'
    lock(stash, "uv", "tools/mytool/uv.lock", text).check()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("numpy", "'numpy' has no exact version"),
        ("numpy>=1.0", "'numpy>=1.0' has no exact version"),
        ("{pip: ['foo>1']}", "'foo' has no exact version"),
        ("{pip: ['-e .']}", "is not a requirement that a lock file may contain"),
        ("{pip: ['-r /etc/passwd']}", "is not a requirement that a lock file may contain"),
    ],
)
def test_an_environment_of_conda_that_is_not_pinned_is_no_lock(stash: Path, line: str, told: str) -> None:
    write(stash / "tools/mytool", {"environment.yml": f"dependencies:\n  - python=3.11.7\n  - {line}\n"})
    answer = find_lock(stash, "tools/mytool")
    assert answer.lock is None
    assert told in answer.told[0]


def test_the_versions_that_a_lock_has(stash: Path) -> None:
    environment = "dependencies:\n- conda-forge::numpy=1.26.4=py311_0\n- pip\n- pip: [foo==2.0]\n"
    assert lock(stash, "conda", "environment.yml", environment).versions() == {
        "numpy": frozenset({"1.26.4"}),
        "pip": frozenset(),
        "foo": frozenset({"2.0"}),
    }
    assert lock(stash, "uv", "uv.lock", UV_LOCK).versions() == {
        "mytool": frozenset({"0.3"}),
        "tiny-one": frozenset({"1.0"}),
    }
    twice = f"foo==1 --hash=sha256:{A} ; python_version<'3.9'\nfoo==2 --hash=sha256:{A}\n"
    assert lock(stash, "requirements", "r.txt", twice).versions() == {"foo": frozenset({"1", "2"})}


def test_a_lock_that_real_uv_wrote(stash: Path) -> None:
    tool = tool_with_uv_lock(stash)
    answer = find_lock(stash, "tools/mytool")
    assert answer.lock is not None
    assert answer.lock.sha256 == hashlib.sha256((tool / "uv.lock").read_bytes()).hexdigest()
    assert answer.lock.versions() == {
        "mytool": frozenset({"0.3"}),
        "tiny-one": frozenset({"1.0"}),
        "tiny-two": frozenset({"1.2"}),
    }


def test_hosts_are_told_without_secrets(stash: Path) -> None:
    text = "--index-url https://ada:token@pkgs.Example.org/simple\nfoo @ git+ssh://git@github.com/a/b@" + "a" * 40
    assert hosts(lock(stash, "requirements", "r.txt", text)) == ("github.com", "pkgs.example.org")
    two = "--index-url https://pypi.org@x@evil.example/simple\n--extra-index-url https://[::1]:8080/simple\n"
    assert hosts(lock(stash, "requirements", "r.txt", two)) == ("[::1]", "evil.example")
    assert hosts(lock(stash, "uv", "uv.lock", UV_LOCK)) == ("files.pythonhosted.org", "pypi.org")


def test_hosts_that_the_settings_of_a_project_name_are_told(stash: Path) -> None:
    project = (
        '[project]\nname = "mytool"\n[project.urls]\nHomepage = "https://home.example"\n'
        '[build-system]\nrequires = ["hatchling @ https://build.example/h.whl"]\n'
        '[tool.ruff]\nextend = "https://ruff.example"\n'
        '[[tool.uv.index]]\nname = "a"\nurl = "https://index.example/simple"\n'
        '[tool.uv]\nfind-links = [\n    "https://links.example/",\n]\n'
    )
    write(stash, {"tools/mytool/pyproject.toml": project, "uv.toml": 'index-url = "https://above.example/simple"\n'})
    told = {"above.example", "build.example", "index.example", "links.example"}
    own = {"files.pythonhosted.org", "pypi.org"}
    assert set(hosts(lock(stash, "uv", "tools/mytool/uv.lock", UV_LOCK))) == told | own


def test_the_lock_that_a_snapshot_names_is_opened(stash: Path) -> None:
    tool_with_requirements(stash)
    answer = find_lock(stash, "tools/mytool")
    assert answer.lock is not None
    name = answer.lock.name
    assert open_lock(stash, name, answer.lock.sha256) == answer.lock
    with pytest.raises(StashError, match=r"requirements\.txt: not the recorded lock file: its SHA-256 is"):
        open_lock(stash, name, A)
    with pytest.raises(StashError, match="cannot be read: No such file"):
        open_lock(stash, "tools/mytool/uv.lock", A)
    hostile = lock(stash, "requirements", "tools/mytool/requirements.txt", "-e ../../..\n")
    with pytest.raises(StashError, match="is not allowed in a lock file"):
        open_lock(stash, hostile.name, hostile.sha256)
    with pytest.raises(StashError, match="not a known kind of lock file"):
        open_lock(stash, "tools/mytool/Pipfile.lock", A)
    made = wheel(stash / "vendor", "foo", "1.0")
    write(stash, {"configs/mytool/snapshots/t/requirements-0123456789ab.txt": hashed(made)})
    digest = hashlib.sha256(hashed(made).encode()).hexdigest()
    assert open_lock(stash, "configs/mytool/snapshots/t/requirements-0123456789ab.txt", digest).kind == "recorded"
