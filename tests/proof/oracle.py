"""What git's own commands, PyYAML, OmegaConf and Hydra say of a push. None of our rules' code is used here."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf, grammar_parser
from omegaconf.errors import OmegaConfBaseException
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser

TAGS = "refs/tags/snapshot/"
_SNAPSHOT = re.compile(r"configs/([^/]+)/snapshots/([^/]+)/(.+)")
_HEADER = re.compile(r"#[ \t]*([A-Z][A-Z0-9_]*)[ \t]*:(?:[ \t](.*))?\r?")
_ADDRESS = re.compile(r'"(?:[^"\\]|\\.)*"|[^."]+')
_FILES = ("100644", "100755")

Listing = dict[str, tuple[str, str]]
"""The mode and the id of each path of a commit."""


@dataclass(frozen=True)
class Reading:
    """What a snapshot's text says, as Hydra's own readers see it.

    Attributes:
        faults: why it is no valid snapshot.
        config: the loaded config, with the types of its values.
        header: the values of the header lines by key.
    """

    faults: tuple[str, ...]
    config: str = ""
    header: dict[str, list[str]] = field(default_factory=dict)


class Oracle:
    """Asks git about the server's repository, with the objects that are in quarantine."""

    def __init__(self, repository: Path, env: dict[str, str]) -> None:
        self._repository = repository
        self._env = env
        self._listings: dict[str, Listing | None] = {}

    def git(self, *args: str) -> bytes | None:
        """Return the stdout of a git command, or None if it fails."""
        done = subprocess.run(["git", *args], cwd=self._repository, env=self._env, check=False, capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def peeled(self, name: str) -> str | None:
        """Return the commit that an object leads to."""
        answer = self.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return answer.decode().strip() if answer else None

    def listing(self, commit: str) -> Listing | None:
        """Return the entries of a commit, or None if two have one path, or git cannot read it."""
        if commit not in self._listings:
            self._listings[commit] = self._listed(self.git("ls-tree", "-r", "-z", "--full-tree", commit))
        return self._listings[commit]

    def _listed(self, told: bytes | None) -> Listing | None:
        found: Listing = {}
        for line in (told or b"").decode("utf-8", "surrogateescape").split("\0")[:-1]:
            about, _, path = line.partition("\t")
            if path in found or any(f"{above}" in found for above in _above(path)):
                return None
            found[path] = (about.split()[0], about.split()[2])
        return None if told is None else found

    def blob(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return self.git("cat-file", "blob", name) or b""

    def faults(self, before: dict[str, str], after: dict[str, str]) -> list[str]:
        """Return why a server whose refs become others does not hold what was frozen."""
        found = [
            f"{ref} is moved or deleted" for ref in before if ref.startswith(TAGS) and after.get(ref) != before[ref]
        ]
        found += [f"{ref} replaces an object" for ref in after if ref.startswith("refs/replace/")]
        tags = {ref.removeprefix(TAGS): self.peeled(name) for ref, name in after.items() if ref.startswith(TAGS)}
        for tag, commit in tags.items():
            listing = self.listing(commit) if commit else None
            if not any((match := _SNAPSHOT.fullmatch(path)) and match[2] == tag for path in listing or ()):
                found.append(f"snapshot/{tag} leads to no commit with a snapshot of it")
        freezes: set[tuple[str, str]] = set()
        for commit, parents in self._new_commits(before, after):
            found += self._commit_faults(commit, parents, tags, freezes)
        new_tags = {tag for tag in tags if after[TAGS + tag] != before.get(TAGS + tag)}
        for tag in new_tags:
            found += self._tag_faults(tag, tags[tag], after, freezes)
        return found + [fault for commit, path in sorted(freezes) for fault in self.snapshot_faults(commit, path)]

    def _new_commits(self, before: dict[str, str], after: dict[str, str]) -> list[tuple[str, list[str]]]:
        tips = [name for ref, name in after.items() if self.peeled(name)]
        told = self.git("rev-list", "--parents", "--reverse", "--topo-order", *tips, "--not", *before.values())
        lines = [line.split() for line in (told or b"").decode().splitlines()] if tips else []
        return [(line[0], line[1:]) for line in lines]

    def _commit_faults(
        self, commit: str, parents: list[str], tags: dict[str, str | None], freezes: set[tuple[str, str]]
    ) -> list[str]:
        listing = self.listing(commit)
        if listing is None:
            return [f"{commit}: a tree with two entries of a path"]
        held = [self.listing(parent) or {} for parent in parents]
        found = []
        for path, (mode, name) in listing.items():
            if any(parent.get(path) == (mode, name) for parent in held):
                continue
            if mode not in _FILES and re.fullmatch(r"configs(/mytool(/snapshots(/[^/]+)?)?)?", path):
                found.append(f"{path}: mode {mode} where a directory of snapshots must be")
            if (match := _SNAPSHOT.fullmatch(path)) is None:
                continue
            if re.search(r"(?i)\.ya?ml$", path) and (mode not in _FILES or not path.endswith(".yaml")):
                found.append(f"{path}: no regular .yaml file")
            elif match[2] in tags:
                freeze = tags[match[2]] or ""
                found += self._differing(path, name, freeze)
                freezes |= {(freeze, path)} if path.endswith(".yaml") else set()
            elif any(path in parent for parent in held):
                if not any(parent.get(path, ("", ""))[1] == name for parent in held):
                    found.append(f"{path}: changed after it was brought in")
            elif path.endswith(".yaml"):
                freezes.add((commit, path))
        return found

    def _differing(self, path: str, name: str, freeze: str) -> list[str]:
        listing = (self.listing(freeze) if freeze else None) or {}
        return [] if listing.get(path, ("", ""))[1] == name else [f"{path}: not what its tag froze"]

    def _tag_faults(
        self, tag: str, commit: str | None, after: dict[str, str], freezes: set[tuple[str, str]]
    ) -> list[str]:
        if commit is None:
            return []
        found = []
        for name in [commit, *(name for ref, name in after.items() if ref.startswith("refs/heads/"))]:
            for path, (_, blob) in (self.listing(name) or {}).items():
                if (match := _SNAPSHOT.fullmatch(path)) and match[2] == tag:
                    found += self._differing(path, blob, commit)
                    freezes |= {(commit, path)} if path.endswith(".yaml") else set()
        return found

    def snapshot_faults(self, commit: str, path: str) -> list[str]:
        """Return what is wrong with a snapshot at its freeze commit."""
        listing = self.listing(commit) or {}
        match = _SNAPSHOT.fullmatch(path)
        if match is None or path not in listing:
            return [f"{path}: not in {commit}"]
        if listing[path][0] not in _FILES:
            return [f"{path}: mode {listing[path][0]}"]
        data = self.blob(listing[path][1])
        reading = read(data)
        found = list(reading.faults)
        header = reading.header
        if header.get("SNAPSHOT") != [f"{match[1]}/{match[3].removesuffix('.yaml')}"]:
            found.append("SNAPSHOT is not its path")
        if header.get("TAG", [match[2]]) not in ([match[2]], [""]):
            found.append("TAG is not its path")
        recorded = {match[1]: (header.get("TOOL_COMMIT") or [""])[0]}
        for line in header.get("DEPENDS", []):
            tool, _, commit_id = line.partition(" ")
            recorded[tool] = commit_id.strip()
        found += self._pin_faults(listing, recorded)
        found += self._beside_faults(listing, path, header)
        return [f"{path}: {fault}" for fault in found]

    def _pin_faults(self, listing: Listing, recorded: dict[str, str]) -> list[str]:
        registry: Any = None
        with contextlib.suppress(yaml.YAMLError, ValueError):
            registry = yaml.safe_load(self.blob(listing.get("configs/meta.yaml", ("", ""))[1]))
        tools = registry.get("tools") if isinstance(registry, dict) else None
        found = []
        for tool, commit in recorded.items():
            mode, pin = listing.get(f"tools/{tool}", ("", ""))
            if mode != "160000" or not re.fullmatch("[0-9a-f]{7,40}", commit) or not pin.startswith(commit):
                found.append(f"{tool} is recorded at {commit!r} and pinned at {pin!r}")
            if not isinstance(tools, dict) or tool not in tools:
                found.append(f"{tool} is not registered")
        return found

    def _beside_faults(self, listing: Listing, path: str, header: dict[str, list[str]]) -> list[str]:
        named = {}
        for line in header.get("LOCK", []):
            try:
                words = shlex.split(line)
            except ValueError:
                return [f"LOCK {line!r} is no command line"]
            if len(words) < 2:
                return [f"LOCK {line!r} has no digest"]
            if not words[0].startswith("tools/"):
                named[words[0]] = words[1]
        for line in filter(None, header.get("RESULTS", [])):
            named[f"{path.removesuffix('.yaml')}.results.json"] = line
        found = []
        for beside, digest in named.items():
            mode, name = listing.get(beside, ("", ""))
            if mode not in _FILES or f"sha256:{hashlib.sha256(self.blob(name)).hexdigest()}" != digest:
                found.append(f"{beside} is not the file that was frozen with it")
        if header.get("JOBS") == ["apart"]:
            jobs = (f"{path.removesuffix('.yaml')}/{number}.yaml" for number in range(len(header.get("JOB", []))))
            found += [f"{job} is missing" for job in jobs if listing.get(job, ("", ""))[0] not in _FILES]
        return found


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


@lru_cache(maxsize=10_000)
def read(data: bytes) -> Reading:
    """Read a snapshot's text as PyYAML, OmegaConf and Hydra do."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Reading(("not UTF-8",))
    header, body = _split(text)
    found = [
        f"{key} stands {len(header.get(key, ()))} times"
        for key in ("SNAPSHOT", "TOOL_COMMIT", "TIMESTAMP")
        if len(header.get(key, ())) != 1
    ]
    for digest in header.get("BODY", []):
        if digest and digest != f"sha256:{hashlib.sha256(body.encode()).hexdigest()}":
            found.append("BODY is not the digest of the body")
    found += _yaml_faults(text)
    if found:
        return Reading(tuple(found), "", header)
    config, faults = _loaded(text)
    if config is None or faults:
        return Reading(tuple(faults), "", header)
    found += _value_faults(config, header)
    return Reading(tuple(found), _shown(config), header)


def _split(text: str) -> tuple[dict[str, list[str]], str]:
    header: dict[str, list[str]] = {}
    rest = text
    while rest.startswith("#"):
        line, _, rest = rest.partition("\n")
        if match := _HEADER.fullmatch(line):
            header.setdefault(match[1], []).append((match[2] or "").strip(" \t\r"))
    if header:
        rest = re.sub(r"\A\r?\n", "", rest)
    return header, rest


def _yaml_faults(text: str) -> list[str]:
    try:
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
        tokens = list(yaml.scan(text, yaml.SafeLoader))
    except yaml.YAMLError as error:
        return [f"no YAML: {error}"]
    if len(documents) != 1 or not isinstance(documents[0], yaml.MappingNode):
        return ["not one mapping"]
    odd = {type(token).__name__ for token in tokens if isinstance(token, (yaml.AnchorToken, yaml.AliasToken))}
    tags = {token.value for token in tokens if isinstance(token, yaml.TagToken)}
    odd |= {str(tag) for tag in tags if tag[0] not in (None, "!!") or str(tag[1]).startswith("python")}
    return [f"it holds {name}" for name in sorted(odd) if name != "(None, '!')"]


def _loaded(text: str) -> tuple[DictConfig | None, list[str]]:
    """Load a text with OmegaConf and compose it with Hydra, as a primary config: both give the same."""
    with tempfile.TemporaryDirectory(prefix="experimentstash-proof-") as folder:
        path = Path(folder) / "frozen.yaml"
        path.write_text(text, encoding="utf-8", newline="")
        GlobalHydra.instance().clear()
        try:
            loaded = OmegaConf.load(path)
            with initialize_config_dir(folder, version_base=None):
                composed = compose("frozen")
        except (OmegaConfBaseException, HydraException, yaml.YAMLError, ValueError, TypeError, OSError) as error:
            return None, [f"it does not compose: {type(error).__name__}: {error}"]
    if not isinstance(loaded, DictConfig) or _shown(loaded) != _shown(composed):
        return None, ["Hydra composes another config than OmegaConf loads"]
    return loaded, []


def _shown(config: DictConfig) -> str:
    return repr(OmegaConf.to_container(config, resolve=False))


def _is_computed(text: str) -> bool:
    """Return whether OmegaConf's grammar finds an interpolation in a text, and not only an escaped one."""
    waiting: list[Any] = [grammar_parser.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, OmegaConfGrammarParser.InterpolationContext):
            return True
        waiting += list(node.getChildren()) if hasattr(node, "getChildren") else []
    return False


def _value_faults(config: DictConfig, header: dict[str, list[str]]) -> list[str]:
    missing: set[tuple[str, ...]] = set()
    found = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), config)]
    while waiting:
        path, node = waiting.pop()
        keys: list[Any] = list(node.keys() if isinstance(node, DictConfig) else range(len(node)))
        for key in keys:
            where = (*path, str(key))
            if OmegaConf.is_interpolation(node, key) and _is_computed(node._get_node(key)._value()):
                found.append(f"{where} is an interpolation")
            elif OmegaConf.is_missing(node, key):
                missing.add(where)
            elif isinstance(node[key], (DictConfig, ListConfig)):
                waiting.append((where, node[key]))
    late = set()
    for line in header.get("LATE", []):
        try:
            override = OverridesParser.create().parse_override(line)
        except HydraException as error:
            return [f"LATE {line!r} is no override: {error}"]
        late.add(tuple(override.key_or_group.split(".")))
    for line in header.get("LATE_AT", []):
        parts = _ADDRESS.findall(line.partition(" = ")[0])
        late.add(tuple(yaml.safe_load(part) if part.startswith('"') else part for part in parts))
    return found + [f"{where} is late and missing, or neither" for where in late ^ missing]
