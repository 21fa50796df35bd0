"""A campaign of faults as one self-contained HTML page."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from renode_mnist.measure.faults.campaign import Campaign
from renode_mnist.measure.faults.fault import Place
from renode_mnist.report import fault_plots, faults, identity
from renode_mnist.report.grid import Grid
from renode_mnist.report.page_style import STYLE

SILENT_SHOWN = 200

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>renode-mnist faults: {{ firmware.model_name }}</title>
<style>{{ style }}
  .score { border-left: .4rem solid #0072b2; padding: .3rem .8rem; overflow-wrap: anywhere }
  .text { text-align: left; white-space: normal; overflow-wrap: anywhere } th { min-width: 0 }
  @media print { .wide { display: block } }
</style>
<h1>{{ firmware.model_name }}: what faults come to</h1>
<p class="score">{{ score }}</p>
<div class="wide"><table>{% for label, said in sentences %}
<tr><td>{{ label }}</td><td class="text">{{ said }}</td></tr>{% endfor %}</table></div>
{% for title, grid in grids %}
<h2>{{ title }}</h2>
<div class="wide"><table>
<tr>{% for heading in grid.headings %}<th>{{ heading }}</th>{% endfor %}</tr>
{% for row in grid.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
{% for note in grid.notes %}<p>{{ note }}</p>{% endfor %}
{% if loop.first %}
{% for caption, plot in plots %}
<h2>{{ caption }}</h2>
<figure>{{ plot }}</figure>
{% endfor %}{% endif %}
{% endfor %}
{% if silent %}
<h2>Silently wrong: {{ '{:,}'.format(count) }}</h2>
<div class="wide"><table>
<tr><th>fault</th><th>place</th><th>what</th><th>input</th><th>class</th></tr>
{% for each in silent %}<tr><td>{{ each.fault.number }}</td><td>{{ each.fault.place }}</td>\
<td class="text">{{ each.fault.said }}</td><td>{{ each.fault.sample }}</td>\
<td>{{ {True: 'another', False: 'the same', None: ''}[each.class_differs] }}</td></tr>
{% endfor %}</table></div>
{% if count > silent|length %}<p>And {{ '{:,}'.format(count - silent|length) }} more; <code>--json</code> lists all.\
</p>{% endif %}
<p><code>renode-mnist faults … --only NUMBER -v</code> tries one of them again.</p>
{% endif %}
<h2>What was tried</h2>
<div class="wide"><table>{% for label, value in identity %}
<tr><td class="text">{{ label }}</td><td class="text">{{ value }}</td></tr>{% endfor %}</table></div>
</html>
"""


def render(found: Campaign) -> str:
    """The page; the same campaign gives the same bytes."""
    target, firmware = found.connection.target, found.connection.firmware
    return (
        jinja2.Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            style=STYLE,
            firmware=firmware,
            score=faults.score(found),
            sentences=faults.sentences(found),
            grids=_grids(found),
            plots=_plots(found),
            silent=found.silent[:SILENT_SHOWN],
            count=len(found.silent),
            identity=identity.rows(target, firmware),
        )
    )


def _grids(found: Campaign) -> list[tuple[str, Grid]]:
    grids = [("By place", faults.by_place(found))]
    if found.at(Place.WEIGHTS):
        grids.append(("Weights, by layer", faults.by_layer(found)))
    for place in (Place.CODE, Place.REGISTERS, Place.REQUEST, Place.REPLY):
        if found.at(place):
            grids.append((f"{str(place).capitalize()}, by part", faults.by_part(found, place)))
    return grids


def _plots(found: Campaign) -> list[tuple[str, Markup]]:
    if not found.at(Place.WEIGHTS):
        return []
    return [
        ("Which layers matter", Markup(fault_plots.layers(found).svg())),
        ("Which bits matter", Markup(fault_plots.bits(found).svg())),
    ]
