"""Makes docs/api.md of the docstrings of what `from renode_mnist import ...` gives."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import renode_mnist
from renode_mnist import errors
from renode_mnist.session.record import Connection, Record
from renode_mnist.session.session import Session

_HEAD = (
    "# Python calls\n\n"
    "Every call of `renode_mnist`, and the objects that most of them return; made from their docstrings "
    "(`make docs-tables`). [The library](library.md) shows them at work.\n\n"
)
_RESULTS = (Session, Record, Connection)
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):$")
_ENTRY = re.compile(r"^([\w*.]+): (.*)$")


def _markdown(documentation: str) -> str:
    """A Google-style docstring as Markdown: its sections are lists."""
    told: list[str] = []
    in_section = ""
    for line in inspect.cleandoc(documentation).splitlines():
        if section := _SECTION.match(line):
            in_section = section[1]
            told += [f"**{in_section}**", ""]
        elif in_section and line.startswith("    "):
            text = line[4:]
            if in_section != "Returns" and (entry := _ENTRY.match(text)):
                told.append(f"- `{entry[1]}`: {entry[2]}")
            elif in_section != "Returns" and told[-1].startswith("- "):
                told[-1] += f" {text.strip()}"
            else:
                told.append(text)
        else:
            in_section = in_section if not line else ""
            told.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(told).replace("``", "`")).strip()


def _signature(name: str, call: Callable[..., Any]) -> str:
    signature = inspect.signature(call)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    shown, starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not starred:
            shown, starred = [*shown, "*"], True
        starred = starred or each.kind is each.VAR_POSITIONAL
        default = "" if each.default is each.empty else f"={_plain(each.default)}"
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        shown.append(f"{star}{each.name}{default}")
    line = f"{name}({', '.join(shown)})"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {each},\n" for each in shown) + ")"


def _plain(value: Any) -> str:
    """In the quotes that `make lint` wants."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))}{',' * (len(value) == 1)})"
    return json.dumps(str(value)) if isinstance(value, str) else repr(value)


def _call(name: str, call: Callable[..., Any], level: int = 2) -> str:
    heading = name.rpartition(".")[2]
    documentation = _markdown(inspect.getdoc(call) or "")
    return f"{'#' * level} {heading}\n```python\n{_signature(name, call)}\n```\n\n{documentation}\n"


def _class(kind: type) -> str:
    told = [
        f"## {kind.__name__}\n`{kind.__module__}.{kind.__qualname__}`\n\n{_markdown(inspect.getdoc(kind) or '')}\n"
    ]
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            told.append(f"\n### {name}\n{_markdown(inspect.getdoc(member) or '')}\n")
        elif inspect.isfunction(member):
            told.append("\n" + _call(f"{kind.__name__.lower()}.{name}", member, 3))
    return "".join(told)


def _errors() -> str:
    rows = []
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.RenodeMnistError):
            summary = (inspect.getdoc(kind) or "").splitlines()[0]
            base = kind.__bases__[0].__name__
            rows.append(f"| `{name}` | `{base}` | {kind.exit_code} | {summary} |\n")
    return (
        "## Errors\n`renode_mnist.errors`: what a user can act on; `str(error)` ends with what to do. "
        "[Messages](messages.md) lists them.\n\n"
        "| error | of | exit status | |\n| --- | --- | ---: | --- |\n" + "".join(rows)
    )


def page() -> str:
    """The page's text."""
    calls = [_call(name, getattr(renode_mnist, name)) for name in renode_mnist.__all__]
    return _HEAD + "\n".join([*calls, *map(_class, _RESULTS), _errors()])
