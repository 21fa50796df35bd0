"""Stacks as a collapsed-stack file and as a flame graph: one SVG, nothing to install to look at it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

Stacks = Mapping[tuple[str, ...], int]
"""Per stack, outermost frame first, what ran with it as the whole stack."""

_WIDTH = 1200
_ROW = 18
_MARGIN = 10
_TOP = 64
_CHARACTER_WIDTH = 7.2
_LEAST_WIDTH = 0.2

_SCRIPT = """
const graph = document.documentElement, frames = [...graph.querySelectorAll("g.f")];
const width = %(width)s, margin = %(margin)s;
function show(from, share) {
  for (const frame of frames) {
    const [x, w] = [+frame.dataset.x, +frame.dataset.w];
    const left = Math.max(0, (x - from) / share), right = Math.min(1, (x + w - from) / share);
    const gone = right - left < 1e-4;
    frame.style.display = gone ? "none" : "";
    if (gone) continue;
    const rect = frame.querySelector("rect"), text = frame.querySelector("text");
    rect.setAttribute("x", margin + left * width);
    rect.setAttribute("width", (right - left) * width);
    text.setAttribute("x", margin + left * width + 4);
    const room = Math.floor(((right - left) * width - 6) / %(character)s), name = frame.dataset.name;
    text.textContent = room < 3 ? "" : name.length <= room ? name : name.slice(0, room - 1) + "…";
  }
}
for (const frame of frames)
  frame.addEventListener("click", () => show(+frame.dataset.x, +frame.dataset.w));
graph.querySelector("#all").addEventListener("click", () => show(0, 1));
"""


@dataclass(slots=True)
class _Node:
    name: str
    value: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def collapsed(stacks: Stacks) -> str:
    """A line a stack, frames between semicolons, then the count: what flame graph tools read."""
    return "".join(
        f"{';'.join(name.replace(';', ',') for name in stack)} {count}\n"
        for stack, count in sorted(stacks.items())
        if count
    )


def svg(stacks: Stacks, *, title: str, unit: str) -> str:
    """A flame graph: width is cost, callers below callees. A click on a frame widens it.

    Args:
        stacks: What to draw.
        title: Above it: what ran.
        unit: Of the counts.
    """
    root = _tree(stacks)
    depth = _depth(root)
    height = _TOP + depth * _ROW + 2 * _MARGIN
    base = _TOP + (depth - 1) * _ROW
    frames = "".join(_draw(root, root.value or 1, 0.0, 0, base, unit))
    script = _SCRIPT % {"width": _WIDTH - 2 * _MARGIN, "margin": _MARGIN, "character": _CHARACTER_WIDTH}
    return f"""<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">
<style>
text {{ font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #222; pointer-events: none }}
#title {{ font: bold 15px system-ui, sans-serif }}
#all, #about {{ font: 12px system-ui, sans-serif; fill: #666 }}
#all {{ pointer-events: auto; cursor: pointer }}
g.f {{ cursor: pointer }}
g.f:hover rect {{ stroke: #222 }}
</style>
<rect width="100%" height="100%" fill="#fdfbf7"/>
<text id="title" x="{_MARGIN}" y="24">{escape(title)}</text>
<text id="about" x="{_MARGIN}" y="44">{root.value:,} {escape(unit)}; lighter frames are inlined</text>
<text id="all" x="{_WIDTH - _MARGIN}" y="44" text-anchor="end">show all</text>
{frames}<script><![CDATA[{script}]]></script>
</svg>
"""


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


def _draw(node: _Node, total: int, x: float, level: int, base: int, unit: str) -> Iterator[str]:
    share = node.value / total
    room_px = share * (_WIDTH - 2 * _MARGIN)
    if room_px < _LEAST_WIDTH:
        return
    left_px, y = _MARGIN + x * (_WIDTH - 2 * _MARGIN), base - level * _ROW
    name = node.name.removesuffix("_[i]")
    characters = int((room_px - 6) / _CHARACTER_WIDTH)
    label = "" if characters < 3 else name if len(name) <= characters else name[: characters - 1] + "…"
    tip = f"{name}: {node.value:,} {unit}, {share:.2%}"
    quoted = escape(name, {'"': "&quot;"})
    yield (
        f'<g class="f" data-x="{x:.6f}" data-w="{share:.6f}" data-name="{quoted}"><title>{escape(tip)}</title>'
        f'<rect x="{left_px:.2f}" y="{y}" width="{room_px:.2f}" height="{_ROW - 1}" rx="2" '
        f'fill="{_colour(node.name)}"/><text x="{left_px + 4:.2f}" y="{y + 13}">{escape(label)}</text></g>\n'
    )
    for child in sorted(node.children.values(), key=lambda child: child.name):
        yield from _draw(child, total, x, level + 1, base, unit)
        x += child.value / total


def _colour(name: str) -> str:
    """Warm, the same for the same name; paler for what is inlined."""
    digest = zlib.crc32(name.encode())
    lightness = 84 if name.endswith("_[i]") else 72
    return f"hsl({10 + digest % 45}, {70 + digest // 64 % 20}%, {lightness}%)"
