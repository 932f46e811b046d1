"""Seeded mutations of a scene: its texts, trees, modes, refs and the order of its commits."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable
from dataclasses import replace

from objects import EXECUTABLE, FILE, GITLINK, LINK, Entry, Files
from scenes import Commit, Scene, Target
from stashes import pin_id

Mutator = Callable[[random.Random, Scene], "str | None"]
"""Changes a scene and returns what it did in a few words, or None if it cannot."""

ODD = "\x00 \x01 \x07 \x0b \x0c \r \x1b \x7f \x85 \xa0 \u2028 \u2029 \ufeff \u200b \u3000 é \U0001f600".split(" ")
TOKENS = (
    "&a *a <<: !!python/object:os.system !!str !!binary !!set !x ! ${lr} \\${lr} \\\\${lr} ${oc.env:HOME} ??? --- ... "
    "%YAML defaults: hydra: ? | > |- [ ] { } , : - # ' \" ~ null @ ` \t = !!map !!timestamp << y n"
).split(" ")
SCALARS = (
    "1 1.0 1e0 1e-3 1.0e-05 01 010 0x1 0o7 0b1 1_000 1:30 .inf -.inf .nan +1 -0 0 '1' \"1\" 'x' x true True TRUE yes "
    "on off 'true' null Null ~ '' \"\" 2024-01-01 2024-01-01T00:00:00Z [] {} [1] "
    "{a:1} ??? '???' \"???\" ${lr} \\${lr} = <<"
).split(" ")
HEADER_KEYS = (
    "SNAPSHOT TAG TOOL_COMMIT TIMESTAMP DEPENDS OVERRIDE HYDRA SWEEP JOB JOBS VARIES LATE LATE_AT BUILT BUILT_AT FIXED "
    "TYPE NODE ANSWER PACKAGE PROJECT RERUN WORKDIR SELECT PYTHON PLATFORM LOCK RESULTS BODY OTHER"
).split()
MODES = ("100644", EXECUTABLE, LINK, GITLINK, "100664", "100600", "0100644", "40000", "100000", "140000")


def mutate(rng: random.Random, scene: Scene) -> tuple[Scene, str]:
    """Return a mutated copy of a scene, one in eight mutated twice, and what was done."""
    mutated = scene.copy()
    family = rng.choices(list(FAMILIES), [weight for weight, _ in FAMILIES.values()])[0]
    kinds: list[str] = []
    while len(kinds) < (2 if rng.random() < 0.125 else 1):
        with contextlib.suppress(LookupError, ValueError):  # what is mutated already may have no place for another
            if kind := rng.choice(FAMILIES[family][1])(rng, mutated):
                kinds.append(f"{family}: {kind}")
        family = rng.choice(list(FAMILIES))
    return mutated, " and ".join(kinds)


def _commits(rng: random.Random, scene: Scene) -> list[Commit]:
    """Return the commits that a change stands in: the freeze commit, it and what follows, or what follows alone."""
    number = rng.choice([slice(1, None), slice(1, None), slice(1, 2), slice(2, None)])
    if number.start == 1 and any(ref.startswith("refs/tags/") for ref in scene.had) and rng.random() < 0.8:
        for ref in [ref for ref in scene.refs if ref.startswith("refs/tags/")]:
            del scene.refs[ref]  # the server's tag stays, and the branch is rewritten
    return scene.commits[number]


def _edit(rng: random.Random, scene: Scene, path: str, edit: Callable[[str], str | None]) -> bool:
    """Change a text file in some commits, the same way in each."""
    commits = [commit for commit in _commits(rng, scene) if path in commit.files]
    if not commits or not isinstance(content := commits[0].files[path].content, bytes):
        return False
    text = content.decode("utf-8", "surrogateescape")
    if (edited := edit(text)) is None or edited == text:
        return False
    for commit in commits:
        commit.files[path] = replace(commit.files[path], content=edited.encode("utf-8", "surrogateescape"))
    return True


def _snapshot(rng: random.Random, scene: Scene) -> str:
    return rng.choice(sorted(scene.frozen))


def _beside(rng: random.Random, scene: Scene) -> str:
    """Return a file that is no snapshot: what lies beside one, the registry, `.gitmodules`."""
    files = scene.commits[1].files
    return rng.choice(sorted(path for path in files if path not in scene.frozen and files[path].mode == FILE))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the header lines and the lines below them, each with its line break."""
    lines = text.splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return lines[:end], lines[end:]


# bytes


def flip_a_bit(rng: random.Random, scene: Scene) -> str | None:
    def edit(text: str) -> str:
        data = bytearray(text.encode("utf-8", "surrogateescape"))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return data.decode("utf-8", "surrogateescape")

    return "a bit" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def put_a_character(rng: random.Random, scene: Scene) -> str | None:
    character: str = rng.choice([*ODD, *"#:-'\"{}[]&*!|>%@`,? \t\n\\$~=0aA"])

    def edit(text: str) -> str:
        place, replaced = rng.randrange(len(text) + 1), rng.choice((0, 0, 1))
        return text[:place] + character + text[place + replaced :]

    return f"U+{ord(character):04X}" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def cut_or_double(rng: random.Random, scene: Scene) -> str | None:
    copies = rng.choice((0, 2))

    def edit(text: str) -> str:
        start = rng.randrange(len(text))
        end = min(len(text), start + rng.choice((1, 1, 2, 5, 40, 400)))
        return text[:start] + text[start:end] * copies + text[end:]

    kind = "a span cut" if copies == 0 else "a span doubled"
    return kind if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def other_line_breaks(rng: random.Random, scene: Scene) -> str | None:
    what, old, new = rng.choice(
        [
            ("CRLF", "\n", "\r\n"),
            ("CR", "\n", "\r"),
            ("a BOM", "", "\ufeff"),
            ("no last line break", "", ""),
            ("UTF-16", "", ""),
        ]
    )

    def edit(text: str) -> str:
        if what == "UTF-16":
            return text.encode("utf-16").decode("utf-8", "surrogateescape")
        if old:
            return text.replace(old, new)
        return new + text if new else text.rstrip("\n")

    return what if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def bytes_beside(rng: random.Random, scene: Scene) -> str | None:
    def edit(text: str) -> str:
        place = rng.randrange(len(text))
        return text[:place] + rng.choice(["", "x", "#", "\n"]) + text[place + 1 :]

    path = _beside(rng, scene)
    return f"in {_kind(path)}" if _edit(rng, scene, path, edit) else None


def _kind(path: str) -> str:
    if "/snapshots/" in path:
        return "the lock" if path.endswith(".txt") else "the results"
    return {"configs/meta.yaml": "the registry", ".gitmodules": ".gitmodules"}.get(path, "a file elsewhere")


# tokens, keys and types of the body


def put_a_token(rng: random.Random, scene: Scene) -> str | None:
    token = rng.choice(TOKENS)

    def edit(text: str) -> str:
        header, body = _parts(text)
        whole = "".join(body)
        places = [match.start() for match in re.finditer(r"\b|(?<=\n)|(?=\n)", whole)]
        place = rng.choice(places)
        return (
            "".join(header)
            + whole[:place]
            + rng.choice(["", " "])
            + token
            + rng.choice(["", " ", "\n"])
            + whole[place:]
        )

    return f"{token!r}" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def swap_a_token(rng: random.Random, scene: Scene) -> str | None:
    token = rng.choice(TOKENS)

    def edit(text: str) -> str:
        header, body = _parts(text)
        words = re.split(r"([\w.]+|[^\w\s])", "".join(body))
        words[rng.randrange(1, len(words), 2)] = token
        return "".join([*header, *words])

    return f"swapped for {token!r}" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def change_a_key(rng: random.Random, scene: Scene) -> str | None:
    key = rng.choice(
        ["defaults", "hydra", "null", "1", "true", "other", "<<", "? x", "''", "~", "1.0", "on", "a b", "'7'"]
    )

    def edit(text: str) -> str | None:
        header, body = _parts(text)
        lines = [number for number, line in enumerate(body) if re.match(r"\s*[\w\"'.]+:", line)]
        number = rng.choice(lines)
        body[number] = re.sub(r"[\w\"'.]+:", lambda _: f"{key}:", body[number], count=1)
        return "".join(header + body)

    return f"{key}" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def move_a_line(rng: random.Random, scene: Scene) -> str | None:
    what = rng.choice(["removed", "doubled", "swapped", "indented", "outdented", "commented out", "a comment above"])
    comment = rng.choice(["a comment", "@package _global_", "@package foo", "LATE: lr=1"])

    def edit(text: str) -> str:
        header, body = _parts(text)
        number = rng.randrange(len(body))
        line = body[number]
        if what == "swapped":
            other = rng.randrange(len(body))
            body[number], body[other] = body[other], line
        else:
            body[number] = {
                "removed": "",
                "doubled": line * 2,
                "indented": f"  {line}",
                "outdented": line.removeprefix("  "),
                "commented out": f"#{line}",
                "a comment above": f"# {comment}\n{line}",
            }[what]
        return "".join(header + body)

    return what if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def change_a_value(rng: random.Random, scene: Scene) -> str | None:
    value = rng.choice(SCALARS)
    return "a value" if _edit_a_value(rng, scene, lambda _: value) else None


def respell_a_value(rng: random.Random, scene: Scene) -> str | None:
    """Write a value in another way that some reader takes for the same."""
    form = rng.choice(['"{}"', "'{}'", "{}.0", "+{}", "{}0", "!!str {}", "{} # x", "  {}  ", "[{}]", "|-\n    {}"])
    return "a value spelled otherwise" if _edit_a_value(rng, scene, form.format) else None


def _edit_a_value(rng: random.Random, scene: Scene, edit: Callable[[str], str]) -> bool:
    def edit_body(text: str) -> str:
        header, body = _parts(text)
        number = rng.choice([number for number, line in enumerate(body) if re.search(r": \S|- \S", line)])
        body[number] = re.sub(r"(: |- )(\S.*)\n", lambda m: f"{m[1]}{edit(m[2])}\n", body[number], count=1)
        return "".join(header + body)

    return _edit(rng, scene, _snapshot(rng, scene), edit_body)


# header lines


def change_header_lines(rng: random.Random, scene: Scene) -> str | None:
    what = rng.choice(["removed", "doubled", "swapped", "below the body", "a gap above", "respelled", "a key swapped"])

    def edit(text: str) -> str:
        header, body = _parts(text)
        number = rng.randrange(len(header))
        line = header[number]
        if what == "swapped":
            other = rng.randrange(len(header))
            header[number], header[other] = header[other], line
        elif what == "below the body":
            body.append(header.pop(number))
        elif what == "a key swapped":
            header[number] = re.sub(r"# \w+", f"# {rng.choice(HEADER_KEYS)}", line)
        elif what == "respelled":
            spelled = [
                line.lower(),
                line.replace("# ", "#", 1),
                line.replace("# ", "#  ", 1),
                line.replace(": ", " : ", 1),
                line.replace(": ", ":", 1),
                line.replace(": ", ":\t", 1),
                f" {line}",
                line.replace("\n", " \n"),
                line.replace("# ", "## ", 1),
                line.replace("\n", " # x\n"),
                line.replace(": ", ":  ", 1),
            ]
            header[number] = rng.choice(spelled)
        else:
            header[number] = {"removed": "", "doubled": line * 2, "a gap above": f"\n{line}"}[what]
        return "".join(header + body)

    return f"a line {what}" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def change_a_header_value(rng: random.Random, scene: Scene) -> str | None:
    def edit(text: str) -> str | None:
        header, body = _parts(text)
        number = rng.randrange(len(header))
        key, colon, value = header[number].rstrip("\n").partition(": ")
        if not value:
            return None
        other = header[rng.randrange(len(header))].rstrip("\n").partition(": ")[2]
        place = rng.randrange(len(value))
        changed = [
            value[:place],
            value[place:],
            value.upper(),
            f"{value} x",
            "",
            other,
            "x",
            value * 2,
            f"'{value}",
            value[:place] + rng.choice("0afz:/.=[]{}'\"$,~+ #\\") + value[place + 1 :],
            value.replace("=", " = ", 1),
            value.replace("sha256", "md5"),
            f"../{value}",
            value.replace("mytool", "othertool"),
            value.replace("/", "//", 1),
            f"{value},1",
        ]
        header[number] = f"{key}{colon}{rng.choice(changed)}\n"
        return "".join(header + body)

    return "a value" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


def add_a_header_line(rng: random.Random, scene: Scene) -> str | None:
    key = rng.choice(HEADER_KEYS)
    value = rng.choice(
        [
            "x",
            "",
            "lr=1",
            "lr=${oc.env:HOME}",
            "mytool",
            "othertool 1234567",
            "a b c",
            "0",
            "apart",
            "sha256:" + "0" * 64,
            "tools/mytool",
            "/etc",
            "group",
            "3.11",
            "hydra-core==1",
            "~lr",
            "+a=b",
            "lr=[1",
            "data int",
            "data.type str",
        ]
    )

    def edit(text: str) -> str:
        header, body = _parts(text)
        header.insert(rng.randrange(len(header) + 1), f"# {key}: {value}\n")
        return "".join(header + body)

    return f"a {key} line more" if _edit(rng, scene, _snapshot(rng, scene), edit) else None


# entries of trees, and modes


def move_a_file(rng: random.Random, scene: Scene) -> str | None:
    path = rng.choice([_snapshot(rng, scene), _beside(rng, scene)])
    old, new = rng.choice(
        [
            ("snapshots/v", "snapshots/w"),
            (".yaml", ".yml"),
            (".yaml", ".YAML"),
            (".yaml", ""),
            ("mytool", "othertool"),
            ("configs", "Configs"),
            ("/snapshots/", "/Snapshots/"),
            ("first", "First"),
            ("/first", "/x/first"),
            ("/v", "/.v"),
            ("configs/", "elsewhere/configs/"),
        ]
    )
    other = path.replace(old, new)
    copied = rng.random() < 0.4
    commits = [commit for commit in _commits(rng, scene) if path in commit.files]
    if other == path or not commits:
        return None
    for commit in commits:
        commit.files[other] = commit.files[path] if copied else commit.files.pop(path)
    return f"{_role(scene, path)} {'copied' if copied else 'moved'}"


def _role(scene: Scene, path: str) -> str:
    return "a snapshot" if path in scene.frozen else _kind(path)


def remove_a_file(rng: random.Random, scene: Scene) -> str | None:
    path = rng.choice([_snapshot(rng, scene), _beside(rng, scene), *_pins(scene)])
    commits = [commit for commit in _commits(rng, scene) if path in commit.files]
    for commit in commits:
        del commit.files[path]
    return f"{'a pin' if path.startswith('tools/') else _role(scene, path)} removed" if commits else None


def add_a_file(rng: random.Random, scene: Scene) -> str | None:
    folder = _snapshot(rng, scene).rpartition("/")[0]
    name = rng.choice(
        ["b.yaml", "b.yml", "b.YML", "notes.txt", "x/b.yaml", "first.results.json", ".hidden.yaml", "b.yaml/c.yaml"]
    )
    source = scene.commits[1].files[_snapshot(rng, scene)]
    mode = rng.choice([FILE, FILE, EXECUTABLE, LINK])
    for commit in _commits(rng, scene):
        commit.files[f"{folder}/{name}"] = replace(source, mode=mode)
    return f"{name} of mode {mode} added"


def change_a_pin(rng: random.Random, scene: Scene) -> str | None:
    path = rng.choice(_pins(scene))
    commits = [commit for commit in _commits(rng, scene) if path in commit.files]
    what = rng.choice(["another commit", "a file", "a link", "a directory"])
    for commit in commits:
        if what == "a directory":
            del commit.files[path]
            commit.files[f"{path}/README.md"] = Entry(FILE, b"the tool\n")
        else:
            other = {
                "another commit": Entry(GITLINK, pin_id("three")),
                "a file": Entry(FILE, b"x"),
                "a link": Entry(LINK, b"/"),
            }
            commit.files[path] = other[what]
    return f"a pin becomes {what}" if commits else None


def _pins(scene: Scene) -> list[str]:
    return sorted(path for path in scene.commits[1].files if path.startswith("tools/"))


def replace_a_directory(rng: random.Random, scene: Scene) -> str | None:
    path = _snapshot(rng, scene)
    parts = path.split("/")
    place = "/".join(parts[: rng.randrange(1, len(parts) + 1)])
    what = rng.choice([LINK, GITLINK, FILE])
    for commit in (commits := _commits(rng, scene)):
        held = {path: entry for path, entry in commit.files.items() if path == place or path.startswith(f"{place}/")}
        if not held:
            return None
        for inner in held:
            del commit.files[inner]
        commit.files[place] = Entry(what, pin_id("x") if what == GITLINK else b"elsewhere")
        if rng.random() < 0.5:
            commit.files |= {f"elsewhere{inner.removeprefix(place)}": entry for inner, entry in held.items()}
    return f"mode {what} for a directory or snapshot" if commits else None


def double_an_entry(rng: random.Random, scene: Scene) -> str | None:
    """Write a tree that git would not: a second entry of a name, or a name that is no name."""
    path = _snapshot(rng, scene)
    parts = path.split("/")
    depth = rng.randrange(len(parts))
    directory = "".join(f"{part}/" for part in parts[:depth])
    name = rng.choice([parts[depth], parts[depth], "a/b.yaml", "..", ".git", "", "aaa"])
    mode, what = rng.choice([(FILE, "a file"), (GITLINK, "a submodule"), (LINK, "a link")])
    for commit in _commits(rng, scene):
        commit.extra[directory] = [(mode, name, pin_id("nowhere") if mode == GITLINK else _EMPTY)]
        commit.files["empty"] = Entry(FILE, b"")
    same = "a second entry" if name == parts[depth] else f"an entry {name!r} out of order"
    return f"{same}, {what}"


_EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def change_a_mode(rng: random.Random, scene: Scene) -> str | None:
    path = rng.choice([_snapshot(rng, scene), _snapshot(rng, scene), _beside(rng, scene), *_pins(scene)])
    mode = rng.choice(MODES)
    commits = [commit for commit in _commits(rng, scene) if path in commit.files]
    for commit in commits:
        content = commit.files[path].content
        if mode == GITLINK:
            content = pin_id("two")
        commit.files[path] = Entry(mode, content)
    role = "a pin" if path.startswith("tools/") else _role(scene, path)
    return f"{mode} for {role}" if commits else None


# refs, and the order of commits


def move_a_tag(rng: random.Random, scene: Scene) -> str | None:
    tags = [ref for ref in scene.refs if ref.startswith("refs/tags/")]
    if not tags:
        return None
    part = rng.choice(["commit", "commit", "commit", "tree", "file"])
    target = Target(rng.randrange(len(scene.commits)), rng.choice([0, 0, 1, 1, 2, 3]), part)
    scene.refs[tags[0]] = target
    return f"the tag leads to the {part} of commit {target.commit} through {target.depth} tags"


def other_refs(rng: random.Random, scene: Scene) -> str | None:
    tag = next((ref for ref in scene.refs if ref.startswith("refs/tags/")), None)
    if tag is None:
        return None
    name = rng.choice(
        [
            "refs/tags/Snapshot/v1",
            "refs/heads/snapshot/v1",
            "refs/tags/snapshot/other",
            "refs/tags/snapshot/a/b",
            "refs/tags/v9",
            "refs/tags/snapshot/-x",
            "refs/notes/commits",
            "refs/heads/other",
            "refs/tags/snapshot/V1",
            "refs/pull/1/head",
            "refs/replace/" + pin_id("two"),
            "refs/tags/snapshot/x.y",
            "refs/tags/snapshots/v1",
            "refs/heads/main2",
            "refs/tags/snapshot",
        ]
    )
    if name == "refs/tags/snapshot":
        del scene.refs[tag]
    scene.refs[name] = Target(rng.randrange(3), rng.choice([0, 1]))
    if rng.random() < 0.3:
        scene.refs.pop(tag, None)
    return re.sub("[0-9a-f]{40}", "ID", name)


def delete_refs(rng: random.Random, scene: Scene) -> str | None:
    refs = [ref for ref in scene.had if ref in scene.refs]
    if not refs:
        return None
    ref = rng.choice(refs)
    del scene.refs[ref]
    scene.deleted.append(ref)
    return "the tag deleted" if "tags" in ref else "the branch deleted"


def leave_refs_out(rng: random.Random, scene: Scene) -> str | None:
    ref = rng.choice(sorted(scene.refs))
    del scene.refs[ref]
    if not scene.refs:
        return None
    return "the tag is not pushed" if "tags" in ref else "the branch is not pushed"


def order_commits_otherwise(rng: random.Random, scene: Scene) -> str | None:
    """Take the changes of the commits in another order, or in two commits where there was one."""
    before, freeze, after = scene.commits
    what = rng.choice(["the pin first", "the snapshot first", "on a side branch", "two roots", "taken back", "twice"])
    pins: Files = {path: entry for path, entry in freeze.files.items() if entry.mode == GITLINK}
    snapshots: Files = {path: entry for path, entry in freeze.files.items() if "/snapshots/" in path}
    tag_at = rng.randrange(1, 4)
    if what in ("the pin first", "the snapshot first"):
        middle = Commit({**before.files, **(pins if what == "the pin first" else snapshots)}, [0])
        scene.commits = [before, middle, Commit(freeze.files, [1]), Commit(after.files, [2])]
    elif what == "on a side branch":
        side = Commit({**before.files, "side.txt": Entry(FILE, b"side\n")}, [0])
        parents = rng.choice([[1, 2], [2, 1]])
        pinned = rng.choice([freeze, before]).files
        merged = {**freeze.files, **{path: pinned.get(path, freeze.files[path]) for path in pins}}
        scene.commits = [before, freeze, side, Commit({**merged, "side.txt": Entry(FILE, b"side\n")}, parents)]
    elif what == "two roots":
        scene.commits = [before, Commit(freeze.files, []), Commit(before.files, [0]), Commit(after.files, [2, 1])]
    elif what == "taken back":
        scene.commits = [
            before,
            freeze,
            Commit(before.files, [1]),
            Commit({**after.files, **before.files, **snapshots}, [2]),
        ]
    else:
        again = Commit({**before.files, **snapshots, **pins}, [0])
        scene.commits = [before, freeze, again, Commit(after.files, rng.choice([[1, 2], [2, 1]]))]
    for ref in scene.refs:
        scene.refs[ref] = Target(3) if "heads" in ref else Target(tag_at)
    scene.refs = {"refs/heads/main": Target(3), **scene.refs}
    return f"{what}, the tag at commit {tag_at}"


FAMILIES: dict[str, tuple[int, list[Mutator]]] = {
    "bytes": (4, [flip_a_bit, put_a_character, cut_or_double, other_line_breaks, bytes_beside]),
    "tokens": (4, [put_a_token, swap_a_token]),
    "keys": (3, [change_a_key, move_a_line]),
    "types": (3, [change_a_value, respell_a_value]),
    "header lines": (5, [change_header_lines, change_a_header_value, add_a_header_line]),
    "tree entries": (4, [move_a_file, remove_a_file, add_a_file, change_a_pin, replace_a_directory, double_an_entry]),
    "modes": (2, [change_a_mode]),
    "refs": (3, [move_a_tag, other_refs, delete_refs, leave_refs_out]),
    "order of commits": (2, [order_commits_otherwise]),
}
"""The kinds of mutation, each with how often it is drawn."""
