"""Parts of HTML for results in a notebook: inherited colours, so that they fit a light and a dark page.

A piece brings its style along, bound to its own class: a notebook shows cells in any order, alone or together. Its
selectors name the table as well, to outweigh those by which Jupyter aligns every table's cells to the right. What
a reader needs stands in the elements themselves: a notebook that is not trusted loses its style sheets.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from renode_mnist.report.grid import Grid

_TEMPLATES = {
    "piece": """\
<div class="renode-mnist"><style>
.renode-mnist { display: flex; flex-direction: column; gap: .9rem; align-items: flex-start; overflow-x: auto;
  font-size: 13px; line-height: 1.45; font-variant-numeric: tabular-nums }
.renode-mnist .beside { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start }
.renode-mnist figure { margin: 0 } .renode-mnist figcaption { margin-bottom: .35rem; font-weight: 600 }
.renode-mnist img { image-rendering: pixelated; border: 1px solid #8888 }
.renode-mnist table { border-collapse: collapse; margin: 0; font-size: inherit; border: 0 }
.renode-mnist caption { text-align: left; font-weight: 600; color: inherit; padding: 0 0 .35rem }
.renode-mnist table tr { background: none !important }
.renode-mnist table th, .renode-mnist table td { padding: .1rem .6rem; text-align: right; border: 0 }
.renode-mnist table th { border-bottom: 1px solid #8888; vertical-align: bottom; font-weight: 600 }
.renode-mnist table tr.rule td { border-top: 1px solid #8888 }
.renode-mnist table .text { padding-left: 0 }
.renode-mnist table .label { vertical-align: top; white-space: nowrap; padding-left: 0; opacity: .65 }
.renode-mnist table .value { white-space: normal; overflow-wrap: anywhere }
.renode-mnist .winner { font-weight: 600 }
.renode-mnist .notes { margin: .6rem 0 0; padding-left: 1.2rem; opacity: .8 }
</style>
{% for part in parts %}{{ part }}{% endfor %}</div>
""",
    "beside": """\
<div class="beside">{% for part in parts %}{{ part }}{% endfor %}</div>
""",
    "picture": """\
<figure><figcaption>{{ title }}</figcaption>
<img alt="28x28, as the network sees it" width="168" height="168" src="data:image/png;base64,{{ png }}"></figure>
""",
    "bars": """\
<figure><figcaption>{{ title }}</figcaption><table>{% for share in shares %}
<tr{% if loop.index0 == winner %} class="winner"{% endif %}><td>{{ loop.index0 }}</td>
<td><div style="width: 160px"><div style="height: 11px; width: {{ "%.0f" | format([[share, 0] | max, 1] | min * 160)
}}px; background-color: {{ "#2e9e63" if loop.index0 == winner else "#6a8caf" }}"></div></div></td>
<td>{{ "%.4f" | format(share) }}</td></tr>
{%- endfor %}</table></figure>
""",
    "facts": """\
<table>{% for label, value in rows %}
<tr><td class="label" style="text-align: left">{{ label }}</td>
<td class="value" style="text-align: left">{{ value }}</td></tr>
{%- endfor %}</table>
""",
    "table": """\
<div><table>{% if grid.title %}<caption>{{ grid.title }}</caption>{% endif %}
<tr>{% for heading in grid.headings %}<th{{ text(loop.index0) }}>{{ heading }}</th>{% endfor %}</tr>
{%- for row in grid.rows %}
<tr{% if grid.totals and loop.revindex == grid.totals %} class="rule"{% endif %}>
{%- for cell in row %}<td{{ text(loop.index0) }}>{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
{% if grid.notes %}<ul class="notes">{% for note in grid.notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}</div>
""",
}


def piece(*parts: Markup) -> str:
    """What a ``_repr_html_`` returns: parts below each other."""
    return str(_render("piece", parts=parts))


def beside(*parts: Markup) -> Markup:
    """Parts side by side, as far as the width goes."""
    return _render("beside", parts=parts)


def picture(title: str, pixels: npt.NDArray[np.uint8]) -> Markup:
    """A grey picture, uint8 of 28x28, its pixels to be seen."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return _render("picture", title=title, png=base64.b64encode(stream.getvalue()).decode())


def bars(title: str, shares: Iterable[float], winner: int) -> Markup:
    """Shares in [0, 1] as bars, numbered from 0."""
    return _render("bars", title=title, shares=[float(share) for share in shares], winner=winner)


def facts(rows: Sequence[tuple[str, str]]) -> Markup:
    """Labels with their values."""
    return _render("facts", rows=rows)


def table(grid: Grid) -> Markup:
    """A table, its notes below."""
    text = Markup(' class="text" style="text-align: left"')
    return _render("table", grid=grid, text=lambda column: Markup() if grid.is_figure(column) else text)


def _render(template: str, **values: Any) -> Markup:
    environment = jinja2.Environment(loader=jinja2.DictLoader(_TEMPLATES), autoescape=True)
    return Markup(environment.get_template(template).render(values))
