"""Makes docs/messages.md of the places in the package where an error is made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_cells import harmless
from renode_mnist import paths

_HEAD = (
    "# Messages\n\n"
    "What the package can say when something is wrong, and what it says to do; made from its sources (`make "
    "docs-tables`), by the part that says it. What differs from call to call stands as *word* or …. A message "
    "that another program gave (the compiler, CMake, a library) stands behind one of these.\n\n"
)
_ROOTS = {"RenodeMnistError"}


@dataclass(frozen=True)
class _Said:
    message: str
    remedy: str


def _classes(trees: dict[Path, ast.Module]) -> set[str]:
    """Names of the errors' classes, whose arguments are a message and a remedy."""
    found = set(_ROOTS)
    while True:
        more = {
            node.name
            for tree in trees.values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any(isinstance(base, ast.Name) and base.id in found for base in node.bases)
            and not any(isinstance(each, ast.FunctionDef) and each.name == "__init__" for each in node.body)
        }
        more |= {"FirmwareError"}
        if more <= found:
            return found
        found |= more


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _template(node: ast.expr | None, constants: dict[str, ast.expr]) -> str:
    """A text with what is filled in as *names*; empty where it is put together elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return harmless(text)
        case ast.JoinedStr(values=values):
            return "".join(_template(each, constants) for each in values)
        case ast.FormattedValue(value=value):
            return _slot(value, constants)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{_template(left, constants) or '…'}{_template(right, constants) or '…'}"
        case ast.Name(id=name) if name in constants:
            return _template(constants[name], constants)
        case ast.Call(func=ast.Attribute(value=text, attr="format"), args=arguments):
            filled = _template(text, constants)
            for each in arguments:
                filled = filled.replace("{}", _template(each, constants) or "…", 1)
            return filled
        case ast.IfExp(body=body, orelse=other):
            return " / ".join(filter(None, (_template(body, constants), _template(other, constants))))
    return ""


def _slot(node: ast.expr, constants: dict[str, ast.expr]) -> str:
    match node:
        case ast.Name(id=name) if isinstance(constants.get(name), ast.Constant):
            value = constants[name]
            assert isinstance(value, ast.Constant)
            return harmless(str(value.value))
        case ast.Name(id=name) if name != "self":
            return f"*{name.strip('_').replace('_', ' ')}*"
        case ast.Attribute(attr=name) if not name.startswith("_"):
            return f"*{name.replace('_', ' ')}*"
        case ast.Call(func=ast.Attribute(attr="own"), args=[argument]):
            return f"renode-mnist {_template(argument, constants) or '…'}"
    return "…"


def _said(tree: ast.Module, classes: set[str]) -> Iterator[_Said]:
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes and node.args:
            message = _template(node.args[0], constants)
            remedy = _template(node.args[1], constants) if len(node.args) > 1 else ""
            if sum(character.isalpha() for character in message.replace("…", "")) > 8:
                yield _Said(*(" ".join(text.split()) for text in (message, remedy)))


def page() -> str:
    """The page's text."""
    root = paths.package()
    files = sorted(file for file in root.rglob("*.py") if "_generated" not in file.parts)
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}
    classes = _classes(trees)
    rooms: dict[str, list[_Said]] = {}
    for file, tree in trees.items():
        room = file.relative_to(root).parts[0].removesuffix(".py")
        rooms.setdefault(room, []).extend(_said(tree, classes))
    parts = [_HEAD]
    for room, said in rooms.items():
        if said:
            rows = sorted({f"| {each.message} | {each.remedy} |\n" for each in said}, key=str.lower)
            parts.append(f"## {room}\n| message | what to do |\n| --- | --- |\n{''.join(rows)}\n")
    return "".join(parts).rstrip() + "\n"
