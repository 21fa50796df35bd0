"""Makes docs/keywords.md of the Robot libraries, as `libdoc` reads them."""

from __future__ import annotations

import re

from robot.libdocpkg import LibraryDocumentation

from markdown_cells import cell

LIBRARIES = {
    "renode_mnist.robot": "for firmware that speaks this project's protocol ([suites](suites.md))",
    "renode_mnist.robot.program": "for any program ([emulate](emulate.md#from-robot-framework))",
}
_HEAD = (
    "# Robot keywords\n\n"
    "The keywords of both libraries; made from them (`make docs-tables`). `.venv/bin/libdoc "
    "renode_mnist.robot show` prints the same in a clone, `libdoc renode_mnist.robot keywords.html` makes a "
    "page.\n\n"
)


def _markdown(text: str) -> str:
    """Robot's markup as Markdown: tables, code, references to keywords, bold."""
    lines, in_table = [], False
    for line in text.splitlines():
        row = line.startswith("| ") and line.rstrip().endswith("|")
        if row:
            cells = [_inline(each.strip()) for each in line.strip().strip("|").split(" | ")]
            is_heading = all(re.fullmatch(r"= .* =", each.strip()) for each in line.strip().strip("|").split(" | "))
            if not in_table:
                heading = [each.strip("= ") for each in cells] if is_heading else [""] * len(cells)
                lines += ["", f"| {' | '.join(heading)} |", f"|{' --- |' * len(cells)}"]
            if in_table or not is_heading:
                lines.append(f"| {' | '.join(cells)} |")
        else:
            lines += ([""] if in_table else []) + [_inline(line)]
        in_table = row
    return "\n".join(lines).strip()


def _inline(text: str) -> str:
    return re.sub(r"(?<!\w)\*(\S[^*]*)\*(?!\w)", r"**\1**", text.replace("``", "`"))


def _library(name: str, what: str) -> str:
    found = LibraryDocumentation(name)
    told = [f"## {name}\n`Library    {name}`, {what}.\n\n{_markdown(found.doc)}\n"]
    for keyword in found.keywords:
        told.append(f"\n### {keyword.name}\n")
        if arguments := [str(each) for each in keyword.args]:
            told.append("".join(f"- `{each}`\n" for each in arguments) + "\n")
        told.append(_markdown(keyword.doc) + "\n")
        if keyword.tags:
            told.append(f"\nTags: {cell(', '.join(keyword.tags))}.\n")
    return "".join(told)


def page() -> str:
    """The page's text."""
    return _HEAD + "\n".join(_library(name, what) for name, what in LIBRARIES.items())
