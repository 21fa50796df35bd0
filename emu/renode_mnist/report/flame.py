"""Stacks as a collapsed-stack file and as a flame graph: one SVG, nothing to install to look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from renode_mnist.profile import rooms as of_sources
from renode_mnist.report import pages
from renode_mnist.report.bars import SERIES

Stacks = Mapping[tuple[str, ...], int]
"""Per stack, outermost frame first, what ran with it as the whole stack."""

# As `static/flame.js` has them, which lays the graph out anew for the width that there is.
_WIDTH = 1200
_ROW = 18
_MARGIN = 10
_TOP = 130
_CHARACTER_WIDTH = 7.23
_LEAST_WIDTH = 0.2

_INLINED = "_[i]"
_END = 0.4
"""Of a name that is too long, what is kept of its end."""


@dataclass(slots=True)
class _Node:
    name: str
    value: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True)
class _Drawing:
    """What all frames share."""

    total: int
    unit: str
    base: int
    rooms: Mapping[str, str]
    series: Mapping[str, int]


def collapsed(stacks: Stacks) -> str:
    """A line a stack, frames between semicolons, then the count: what flame graph tools read."""
    return "".join(
        f"{';'.join(name.replace(';', ',') for name in stack)} {count}\n"
        for stack, count in sorted(stacks.items())
        if count
    )


def svg(
    stacks: Stacks, *, title: str, unit: str, rooms: Mapping[str, str] | None = None, within_page: bool = False
) -> str:
    """A flame graph: width is cost, callers below callees.

    A click on a frame widens it, arrows go from frame to frame, a box finds names. Light and dark follow the system.

    Args:
        stacks: What to draw.
        title: Above it: what ran.
        unit: Of the counts.
        rooms: By function, the part of the firmware that it is of, which its colour tells.
        within_page: Whether it goes into a page of `pages`, which has the colours; else it is a file.
    """
    rooms = rooms or {}
    root = _tree(stacks)
    depth = _depth(root)
    height = _TOP + depth * _ROW + 2 * _MARGIN
    sizes = _sizes(stacks, rooms)
    series = {room: number % SERIES for number, room in enumerate(sizes)}
    drawing = _Drawing(root.value or 1, unit, (depth - 1) * _ROW, rooms, series)
    frames = "".join(_draw(root, drawing, 0.0, 0))
    style = pages.asset("flame.css") if within_page else pages.asset("colours.css") + pages.asset("flame.css")
    legend = "".join(
        f'<li style="--colour: var(--series-{series[room]})">{escape(room)} {size / drawing.total:.1%}</li>'
        for room, size in sizes.items()
    )
    declaration = "" if within_page else '<?xml version="1.0" encoding="utf-8"?>\n'
    return f"""{declaration}\
<svg xmlns="http://www.w3.org/2000/svg" class="flame" role="group" aria-label={quoteattr(f"flame graph: {title}")} \
viewBox="0 0 {_WIDTH} {height}" width="100%" height="{height}">
<style>{style}</style>
<foreignObject x="{_MARGIN}" y="{_MARGIN}" width="{_WIDTH - 2 * _MARGIN}" height="{_TOP}">
<div xmlns="http://www.w3.org/1999/xhtml" class="head"><p class="title">{escape(title)}</p>
<p class="soft">{root.value:,} {escape(unit)}; a frame is as wide as what ran in it. Paler ones are inlined.</p>
<div class="tools"><label>Find <input id="find" type="search" placeholder="a part of a name"/></label>
<button id="all" type="button" disabled="disabled">Show all</button>
<span id="found" role="status"></span></div>
<ul class="rooms" aria-label="colours">{legend}</ul></div>
</foreignObject>
<g id="tower" data-rows="{depth}" transform="translate(0 {_TOP + _MARGIN})">
{frames}</g>
<script><![CDATA[{pages.asset("flame.js")}]]></script>
</svg>
"""


def shortened(name: str, characters: int) -> str:
    """A name without its middle where it is too long; empty where there is no room for a name."""
    if characters < 3:
        return ""
    if len(name) <= characters:
        return name
    end = int((characters - 1) * _END)
    return f"{name[: characters - 1 - end]}…{name[len(name) - end :]}"


def _tree(stacks: Stacks) -> _Node:
    root = _Node("all")
    for stack, count in stacks.items():
        node = root
        node.value += count
        for name in stack:
            node = node.children.setdefault(name, _Node(name))
            node.value += count
    return root


def _depth(node: _Node) -> int:
    return 1 + max((_depth(child) for child in node.children.values()), default=0)


def _sizes(stacks: Stacks, rooms: Mapping[str, str]) -> dict[str, int]:
    """What ran in each room itself, the largest first; rooms that only call stand last."""
    sizes: dict[str, int] = {}
    for stack, count in stacks.items():
        for name in stack:
            sizes.setdefault(_room(name, rooms), 0)
        if stack:
            sizes[_room(stack[-1], rooms)] += count
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def _room(name: str, rooms: Mapping[str, str]) -> str:
    return rooms.get(name.removesuffix(_INLINED), of_sources.UNKNOWN)


def _draw(node: _Node, drawing: _Drawing, x: float, level: int) -> Iterator[str]:
    share = node.value / drawing.total
    room_px = share * (_WIDTH - 2 * _MARGIN)
    if room_px < _LEAST_WIDTH:
        return
    left_px, y = _MARGIN + x * (_WIDTH - 2 * _MARGIN), drawing.base - level * _ROW
    name = node.name.removesuffix(_INLINED)
    room = _room(node.name, drawing.rooms) if level else ""
    label = shortened(name, int((room_px - 8) / _CHARACTER_WIDTH))
    tip = f"{name}{f' ({room})' if room else ''}: {node.value:,} {drawing.unit}, {share:.2%}"
    colour = f"var(--series-{drawing.series[room]})" if room else "var(--soft)"
    inlined = " i" if node.name.endswith(_INLINED) else ""
    text = f'<text x="{left_px + 4:.2f}" y="{y + 13}">{escape(label)}</text>' if label else ""
    yield (
        f'<g class="f{inlined}" role="button" tabindex="{-1 if level else 0}" style="--colour: {colour}" '
        f'data-x="{x:.6f}" data-w="{share:.6f}" data-level="{level}" data-name={quoteattr(name)}>'
        f'<title>{escape(tip)}</title><rect x="{left_px:.2f}" y="{y}" width="{room_px:.2f}" height="{_ROW - 1}" '
        f'rx="2"/>{text}</g>\n'
    )
    for child in sorted(node.children.values(), key=lambda child: child.name):
        yield from _draw(child, drawing, x, level + 1)
        x += child.value / drawing.total
