"""Every fix that the source can print: the fix of an error, of a finding, or of what is printed directly, and `next:`.

A name that only passes a fix on is followed to where its text is written: through variables, through parameters to the
calls that fill them, and through functions that return one of several texts.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "experimentstash"
_PRINTED = re.compile(r"^ *(?:fix|next): (?!.*^ *(?:fix|next): )", re.DOTALL | re.MULTILINE)
_WRITERS = {"command", "rerun", "quote"}
"""Functions whose result is a text of its own at each call."""


def collected() -> set[str]:
    """Return a name for each: the file, and the expression as Python writes it."""
    return {name for module in _Package().modules for name in module.names()}


class _Package:
    """All modules, with their functions by name, and the calls of each."""

    def __init__(self) -> None:
        self.functions: dict[str, list[tuple[_Module, ast.FunctionDef]]] = defaultdict(list)
        self.calls: dict[str, list[tuple[_Module, ast.Call]]] = defaultdict(list)
        self.carriers: dict[str, int] = {}
        """Functions and classes that are given a fix, and its place among their arguments."""
        self.modules = [_Module(self, path) for path in sorted(PACKAGE.rglob("*.py"))]
        classes = [node for module in self.modules for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
        for node in classes:
            fields = [*_fields(node)]
            if "fix" in fields:
                self.carriers[node.name] = fields.index("fix")
            elif made := [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]:
                self._add(node.name, made[0])
        for name, functions in self.functions.items():
            for module, function in functions:
                if isinstance(module.parents[function], ast.Module):
                    self._add(name, function)
        for node in classes:
            bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in self.carriers]
            if bases and node.name not in self.carriers:
                self.carriers[node.name] = self.carriers[bases[0]]

    def _add(self, name: str, function: ast.FunctionDef) -> None:
        if (at := _parameter(function, "fix")) is not None:
            self.carriers[name] = at


@dataclass
class _Module:
    package: _Package
    path: Path
    tree: ast.Module = field(init=False)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.path.read_text("utf-8"))
        for node in ast.walk(self.tree):
            self.parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
            if isinstance(node, ast.FunctionDef):
                self.package.functions[node.name].append((self, node))
            elif isinstance(node, ast.Call):
                self.package.calls[_called(node)].append((self, node))

    @cached_property
    def shown(self) -> str:
        return str(self.path.relative_to(PACKAGE))

    @cached_property
    def inner_carriers(self) -> dict[str, int]:
        """The functions inside of a function or a class that are given a fix."""
        inner = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
        places = {node.name: _parameter(node, "fix") for node in inner}
        return {name: at for name, at in places.items() if at is not None}

    def names(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                at = self.package.carriers.get(_called(node), self.inner_carriers.get(_called(node)))
                if at is not None and (fix := _argument(node, at, "fix")) is not None:
                    yield from self.leaves(fix)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith(".fix"):
                yield from self.leaves(node.value)
            elif isinstance(node, ast.Constant) and not isinstance(self.parents[node], ast.Expr):  # no docstring
                yield from self._printed(node, str(node.value))

    def _printed(self, node: ast.Constant, text: str) -> Iterator[str]:
        """Yield what is behind `fix: ` or `next: ` in a text that is printed."""
        if (found := _PRINTED.search(text)) is None:
            return
        whole, shown = self.parents[node], text[found.start() :].lstrip()
        if not isinstance(whole, ast.JoinedStr):
            # where nothing is behind it, somebody reads such a line; what fills `%s` is collected where it is written
            if text[found.end() :].strip() not in ("", "%s"):
                yield f"{self.shown}: {shown.rstrip()!r}"
            return
        behind = whole.values[whole.values.index(node) + 1 :]
        if text.endswith("fix: ") and len(behind) == 1 and isinstance(fix := behind[0], ast.FormattedValue):
            if ast.unparse(fix.value) != "fix":
                yield from self.leaves(fix.value)
        else:
            yield f"{self.shown}: {ast.unparse(ast.JoinedStr([ast.Constant(shown), *behind]))}"

    def leaves(self, text: ast.expr, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """Yield the texts that an expression may come to; none for a fix that another error or finding has."""
        if isinstance(text, ast.IfExp):
            yield from self.leaves(text.body, seen)
            yield from self.leaves(text.orelse, seen)
        elif isinstance(text, ast.BoolOp):
            for part in text.values:
                yield from self.leaves(part, seen)
        elif isinstance(text, ast.NamedExpr):
            yield from self.leaves(text.value, seen)
        elif isinstance(text, ast.Name) and text.id == "fix" and self._is_parameter(text):
            return  # collected where that function is called
        elif isinstance(text, ast.Name) and (places := self._written(text)) is not None:
            key = f"{self.shown}:{text.id}"
            if key not in seen:
                for module, place in places:
                    yield from module.leaves(place, seen | {key})
        elif isinstance(text, ast.Call) and _called(text) in ("masked", "printable") and text.args:
            yield from self.leaves(text.args[0], seen)
        elif isinstance(text, ast.Call) and (several := self._returned(text, seen)):
            yield from several
        elif not _passes_on(text):
            yield f"{self.shown}: {ast.unparse(text)}"

    def _is_parameter(self, name: ast.Name) -> bool:
        node: ast.AST = name
        while node in self.parents and not isinstance(node, ast.FunctionDef):
            node = self.parents[node]
        return (
            isinstance(node, ast.FunctionDef)
            and not self._assigned(node, name.id)
            and _parameter(node, name.id) is not None
        )

    def _written(self, name: ast.Name) -> list[tuple[_Module, ast.expr]] | None:
        """Return what a variable or a parameter of the functions around it is given; None for another name."""
        node: ast.AST = name
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef):
                if found := self._assigned(node, name.id):
                    return [(self, one) for one in found]
                if (at := _parameter(node, name.id)) is not None:
                    return [*self._given(node, at, name.id)]
        return None

    def _assigned(self, function: ast.FunctionDef, name: str) -> list[ast.expr]:
        found = []
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name and isinstance(node, (ast.Assign, ast.NamedExpr)):
                    found.append(node.value)
                elif isinstance(target, ast.Tuple) and isinstance(value := getattr(node, "value", None), ast.Tuple):
                    for part, given in zip(target.elts, value.elts, strict=True):
                        if isinstance(part, ast.Name) and part.id == name:
                            found.append(given)
        return found

    def _given(self, function: ast.FunctionDef, at: int, name: str) -> Iterator[tuple[_Module, ast.expr]]:
        if (default := _default(function, name)) is not None:
            yield self, default
        for module, call in self.package.calls[function.name]:
            if module is not self and len(self.package.functions[function.name]) > 1:
                continue  # another function of that name
            if (given := _argument(call, at, name)) is not None:
                yield module, given

    def _returned(self, call: ast.Call, seen: frozenset[str]) -> list[str]:
        """Return the texts of a function that returns one of several; nothing for any other call."""
        found = self.package.functions[_called(call)]
        if len(found) != 1 or _called(call) in _WRITERS | {key.partition("()")[0] for key in seen}:
            return []
        module, function = found[0]
        returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        several = {one for text in returned for one in module.leaves(text, seen | {f"{function.name}()"})}
        return sorted(several) if len(several) > 1 else []


def _called(call: ast.AST) -> str:
    function = getattr(call, "func", None)
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            yield one.target.id


def _passes_on(text: ast.expr) -> bool:
    is_empty = isinstance(text, ast.Constant) and not text.value
    is_answer = isinstance(text, ast.Call) and ast.unparse(text).startswith("answer.get('fix'")  # of a tool's process
    return is_empty or is_answer or (isinstance(text, ast.Attribute) and text.attr == "fix")


def _argument(call: ast.Call, at: int, name: str) -> ast.expr | None:
    named: Iterable[ast.expr] = (one.value for one in call.keywords if one.arg == name)
    return call.args[at] if len(call.args) > at else next(iter(named), None)


def _parameter(function: ast.FunctionDef, name: str) -> int | None:
    """Return the place of a parameter among the arguments of a call; a method's `self` is none."""
    names = [one.arg for one in function.args.posonlyargs + function.args.args if one.arg not in ("self", "cls")]
    keywords = [one.arg for one in function.args.kwonlyargs]
    return names.index(name) if name in names else len(names) if name in keywords else None


def _default(function: ast.FunctionDef, name: str) -> ast.expr | None:
    defaults = function.args.defaults
    names = [one.arg for one in function.args.posonlyargs + function.args.args][
        len(function.args.args) - len(defaults) :
    ]
    found = dict(zip(names, defaults, strict=False))
    found |= {
        one.arg: value
        for one, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        if value is not None
    }
    return found.get(name)
