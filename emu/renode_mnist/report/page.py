"""A benchmark as one self-contained HTML page with plots, for a phone and for paper."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
from markupsafe import Markup

from renode_mnist.measure.bench import Row
from renode_mnist.report import plots
from renode_mnist.report.grid import Grid
from renode_mnist.report.page_style import STYLE

_PAPER_COLUMNS = 7  # beside the layers' names; a screen can be moved along, paper has as many tables as that needs

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>renode-mnist bench</title>
<style>{{ style }}</style>
<h1>What one inference costs on the STM32F746</h1>
{% for title, caption, svg in figures %}
<h2>{{ title }}</h2>
<figure>{{ svg | safe }}<figcaption>{{ caption }}</figcaption></figure>
{% endfor %}
<h2>All figures</h2>
<p>Milliseconds for each layer; totals by unit.</p>
{% macro table(columns) %}
<table>
<tr>{% for column in columns %}<th{{ published(grid.headings[column]) }}>{{ grid.headings[column] }}</th>\
{% endfor %}</tr>
{% for row in grid.rows %}
<tr>{% for column in columns %}<td{{ published(grid.headings[column]) }}>{{ row[column] }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endmacro %}
<div class="wide">{{ table(range(grid.headings | length)) }}</div>
{% for columns in sheets %}<div class="paper">{{ table(columns) }}</div>{% endfor %}
<h2>What the figures are</h2>
<ul>{% for note in grid.notes %}<li>{{ note }}</li>{% endfor %}</ul>
</html>
"""


def render(rows: Sequence[Row], laid_out: Grid) -> str:
    """The page.

    Args:
        rows: At least one; plots show each case at its first clock.
        laid_out: The same rows as a table, with their notes.
    """
    cases = list({row.case: row for row in reversed(rows)}.values())[::-1]
    clock = cases[0].clock_mhz
    figures = [
        ("Time by layer", f"Milliseconds at {clock} MHz, {_unit(cases[0])}.", plots.layers(cases).svg()),
        ("Memory", "Flash and RAM of the whole image, in kB (1,000 bytes).", plots.memory(cases).svg()),
    ]
    if all({"instructions", "cycles_modelled"} <= row.counts.keys() for row in cases):
        both = plots.instructions_and_cycles(cases).svg()
        figures.insert(1, ("Instructions against modelled cycles", "In millions, a whole inference.", both))
    for row in cases:
        if row.split:
            caption = "Milliseconds: instructions issued, waits for operands, mispredicted branches, code, data."
            figures.append((f"What {row.case} waits for", caption, plots.split(row).svg()))
    environment = jinja2.Environment(autoescape=True)
    environment.globals["published"] = lambda heading: (
        Markup(' class="published"') if heading.startswith("published") else ""
    )
    columns = range(1, len(laid_out.headings))
    sheets = [[0, *columns[start : start + _PAPER_COLUMNS]] for start in range(0, len(columns), _PAPER_COLUMNS)]
    return environment.from_string(_PAGE).render(style=STYLE, figures=figures, grid=laid_out, sheets=sheets)


def _unit(row: Row) -> str:
    return {
        "instructions": "each instruction taken as one cycle",
        "cycles_modelled": "from modelled cycles",
        "cycles_measured": "from measured cycles",
    }[row.time_unit]
