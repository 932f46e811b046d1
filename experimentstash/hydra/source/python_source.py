"""What a tool's Python source says about Hydra, read as text: nothing of a tool is imported here."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LARGEST = 1_000_000  # bytes; no program that people write comes near
_THIN = 5_000  # bytes: a program that only starts a function of another module is short
_COMPOSE = frozenset({"compose", "initialize", "initialize_config_dir", "initialize_config_module"})
_MAIN_PARAMETERS = ("config_path", "config_name", "version_base")
_HOMES = frozenset({"hydra", "hydra.main", "hydra.experimental", "hydra.compose", "hydra.initialize"})


@dataclass(frozen=True)
class HydraCall:
    """A call of Hydra in the source, with its arguments as far as they are literal.

    Attributes:
        name: `main`, `compose`, `initialize`, `initialize_config_dir` or `initialize_config_module`.
        given: the names of the arguments that were given.
        values: those that are strings or None, or a module's constant that is one.
        function: the function that `main` decorates or is given, where that is plain to see.
        origin: where that function is imported from (`pkg.work.run`), where it is imported.
    """

    name: str
    given: frozenset[str]
    values: dict[str, str | None]
    function: str = ""
    origin: str = ""

    @property
    def names_config(self) -> bool:
        """Whether it names a primary config, literally or not."""
        return "config_name" in self.given and self.values.get("config_name", "") is not None


@dataclass(frozen=True)
class PythonSource:
    """One Python file.

    Attributes:
        calls: its calls of Hydra, in file order.
        imports: the absolute modules that it imports, `from a import b` as `a.b`, in file order.
        relative: its relative imports, as (level, module).
        guarded: whether it has an `if __name__ == …` block.
        started: the functions that are called in such a block, or by a statement at its top level, and by functions
            of the file that are called there: by where they are imported from (`pkg.cli.run`, `.cli.run`), or by name.
        starters: the functions of the file that call Hydra.
        names: where each imported name comes from; relative imports with their dots.
    """

    calls: tuple[HydraCall, ...]
    imports: tuple[str, ...]
    relative: tuple[tuple[int, str], ...]
    guarded: bool
    started: frozenset[str]
    starters: frozenset[str]
    names: Mapping[str, str]

    @property
    def runs(self) -> bool:
        """Whether it does something as a program, and not only as a module."""
        return self.guarded or bool(self.started & self.starters) or "" in self.starters

    @property
    def main(self) -> HydraCall | None:
        """The call of `hydra.main` whose function the program starts, else the first."""
        mains = [call for call in self.calls if call.name == "main"]
        names = {name.rpartition(".")[2] for name in self.started}
        started = (call for call in mains if call.function.rpartition(".")[2] in names)
        return next(started, mains[0] if mains else None)

    @property
    def composes(self) -> bool:
        """Whether it calls Hydra's compose API."""
        return any(call.name in _COMPOSE for call in self.calls)


def read_source(path: Path) -> PythonSource | None:
    """Read one Python file; None if it is too large, no Python, or cannot be read."""
    data = _read(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their escapes are their affair
            return _SourceVisitor(ast.parse(data)).source() if data is not None else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def may_start_hydra(path: Path) -> bool:
    """Return whether a file may be a program of Hydra's, or one that imports it; a fast look before `read_source`."""
    data = _read(path) or b""
    return b"hydra" in data or (len(data) <= _THIN and b"import" in data)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        return None
    return data if len(data) <= LARGEST else None


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


@dataclass
class _SourceVisitor:
    tree: ast.Module
    aliases: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str | None] = field(default_factory=dict)

    def source(self) -> PythonSource:
        nodes = list(ast.walk(self.tree))
        imports = [name for node in nodes for name in self._imports(node)]
        for statement in self.tree.body:
            self._constant(statement)
        functions = self._functions(nodes)
        calls = sorted((node for node in nodes if isinstance(node, ast.Call)), key=lambda node: node.lineno)
        local = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return PythonSource(
            calls=tuple(call for node in calls for call in self._call(node, functions.get(id(node), ""))),
            imports=tuple(imports),
            relative=tuple(
                (node.level, ".".join(filter(None, (node.module, alias.name))))
                for node in nodes
                if isinstance(node, ast.ImportFrom) and node.level
                for alias in node.names
            ),
            guarded=any(map(_is_guard, self.tree.body)),
            started=self._started(local),
            starters=frozenset(self._starters()),
            names=self.aliases,
        )

    def _started(self, local: Mapping[str, ast.FunctionDef]) -> frozenset[str]:
        waiting: list[ast.AST] = [node for node in self.tree.body if _is_guard(node) or isinstance(node, ast.Expr)]
        found: set[str] = set()
        while waiting:
            for node in ast.walk(waiting.pop()):
                name = self._called(node.func) if isinstance(node, ast.Call) else ""
                if name in local and name not in found:
                    waiting.extend(local[name].body)
                found.update([name] if name else [])
        return frozenset(found)

    def _called(self, func: ast.expr) -> str:
        """Return what is called; of `main(…)(task)()` the task."""
        if isinstance(func, ast.Call) and func.args:
            return self._called(func.args[0])
        return self._dotted(func) or str(getattr(func, "id", ""))

    def _starters(self) -> Iterator[str]:
        """Yield the functions that call Hydra, and names for what `hydra.main(…)(task)` gives."""
        for node in self.tree.body:
            if not any(isinstance(part, ast.Call) and self._hydra_name(part.func) for part in ast.walk(node)):
                continue
            if isinstance(node, ast.FunctionDef):
                yield node.name
            elif isinstance(node, ast.Assign):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.Expr | ast.With | ast.If):
                yield ""

    def _imports(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self.aliases[alias.asname or name] = name
                yield alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                place = ".".join(filter(None, (node.module, alias.name)))
                self.aliases[alias.asname or alias.name] = f"{'.' * node.level}{place}"

    def _constant(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            return
        if isinstance(value, ast.Constant) and isinstance(value.value, str | None):
            for target in targets:
                if isinstance(target, ast.Name):
                    self.constants[target.id] = value.value

    @staticmethod
    def _functions(nodes: list[ast.AST]) -> dict[int, str]:
        """Return the function's name by the id of the call that decorates it, or that is called with it."""
        names: dict[int, str] = {}
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                names.update({id(decorator): node.name for decorator in node.decorator_list})
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.args:
                given = node.args[0]
                names[id(node.func)] = ast.unparse(given) if isinstance(given, ast.Name | ast.Attribute) else ""
        return names

    def _call(self, node: ast.Call, function: str) -> Iterator[HydraCall]:
        name = self._hydra_name(node.func)
        if name is None:
            return
        parameters = _MAIN_PARAMETERS if name == "main" else ("config_name",) if name == "compose" else ("config_path",)
        given = dict(zip(parameters, node.args, strict=False))
        given |= {word.arg: word.value for word in node.keywords if word.arg}
        if name == "initialize_config_module" and "config_module" in given:
            given["config_path"] = given["config_module"]
        values = {word: self._literal(value) for word, value in given.items() if self._is_literal(value)}
        if name == "initialize_config_module" and values.get("config_path"):
            values["config_path"] = f"pkg://{values['config_path']}"
        yield HydraCall(name, frozenset(given), values, function, self._origin(function))

    def _origin(self, function: str) -> str:
        name, _, rest = function.partition(".")
        return ".".join(filter(None, (self.aliases.get(name, ""), rest))) if name in self.aliases else ""

    def _hydra_name(self, func: ast.expr) -> str | None:
        if isinstance(func, ast.Attribute) and func.attr == "hydra_main":  # hydra_zen: zen(task).hydra_main(…)
            return "main"
        dotted = self._dotted(func)
        home, _, name = dotted.rpartition(".")
        return name if home in _HOMES and (name == "main" or name in _COMPOSE) else None

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, "")
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        return ""

    def _is_literal(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str | None)
        return isinstance(node, ast.Name) and node.id in self.constants

    def _literal(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self.constants[node.id]
        value = node.value if isinstance(node, ast.Constant) else None
        return value if isinstance(value, str) else None
