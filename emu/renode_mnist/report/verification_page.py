"""What `verify` found as one self-contained HTML page with plots over the layers."""

from __future__ import annotations

import jinja2

from renode_mnist.measure.verify import Verification
from renode_mnist.model.difference import Verdict
from renode_mnist.report import identity, plots, verification
from renode_mnist.report.page_style import STYLE

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>renode-mnist verify: {{ firmware.model_name }}</title>
<style>{{ style }}
  .verdict { border-left: .4rem solid; padding: .3rem .8rem; overflow-wrap: anywhere }
  .good { border-color: #009e73 } .bad { border-color: #d55e00 }
  .text { text-align: left } th { min-width: 0 }
  @media print { .wide { display: block } }
</style>
<h1>{{ firmware.model_name }}: firmware against the PC</h1>
<div class="verdict {{ 'bad' if first else 'good' }}"><p>{{ verdict }}</p>{% if first %}
<p>{{ first }}</p>{% endif %}</div>
{% if default %}<p>{{ default }}</p>{% endif %}
{% macro table(grid) %}
<div class="wide"><table>
<tr>{% for heading in grid.headings %}<th{{ ' class=text' if not grid.is_figure(loop.index0) }}>{{ heading }}</th>\
{% endfor %}</tr>
{% for row in grid.rows %}
<tr>{% for cell in row %}<td{{ ' class=text' if not grid.is_figure(loop.index0) }}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
<ul>{% for note in grid.notes %}<li>{{ note }}</li>{% endfor %}</ul>
{% endmacro %}
<h2>Layer by layer</h2>
<figure>{{ errors | safe }}<figcaption>The largest error of each tensor over {{ samples }} samples, and the share of \
elements that differ, in the order of execution.</figcaption></figure>
{{ table(tensors) }}
{% if quantisation %}
<h2>{{ quantisation.title }}</h2>
<figure>{{ noise | safe }}<figcaption>Signal to noise of each tensor: the float model's values to the error.\
</figcaption></figure>
{{ table(quantisation) }}
{% endif %}
<h2>What was compared</h2>
<div class="wide"><table>{% for label, value in identity %}
<tr><td class="text">{{ label }}</td><td class="text">{{ value }}</td></tr>{% endfor %}</table></div>
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
</html>
"""


def render(found: Verification) -> str:
    """The page."""
    firmware = found.connection.firmware
    environment = jinja2.Environment(autoescape=True)
    return environment.from_string(_PAGE).render(
        style=STYLE,
        firmware=firmware,
        verdict=verification.verdict(found),
        first=verification.first_difference(found.first)
        if found.verdict is Verdict.DIFFERENT and found.first
        else "",
        default=(
            verification.default_runtime(found.default_runtime, len(found.samples)) if found.default_runtime else ""
        ),
        errors=plots.errors(found).svg(),
        tensors=verification.tensors(found),
        samples=len(found.samples),
        quantisation=verification.quantisation(found) if found.quantisation else None,
        noise=plots.quantisation(found.quantisation).svg() if found.quantisation else "",
        identity=[*identity.rows(found.connection.target, firmware), ("yardstick", found.yardstick)],
        notes=[*found.notes, f"samples: {', '.join(found.samples)}"],
    )
