"""A benchmark as one self-contained HTML page with plots, for a phone and for paper."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import jinja2
import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from renode_mnist.bench import Row
from renode_mnist.report.bench_table import Grid

matplotlib.rcParams["svg.hashsalt"] = "renode-mnist"  # the same rows give the same bytes
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["font.family"] = "sans-serif"

_WIDTH_INCHES = 4.4  # so that a phone, which shows it 3.6 inches wide, shows its letters readable
_BAR_INCHES = 0.34
_PAPER_COLUMNS = 7  # beside the layers' names; a screen can be moved along, paper has as many tables as that needs
# Okabe and Ito's colours, told apart by the colour-blind too.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>renode-mnist bench</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1a1a1a }
  h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem }
  th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
  th { vertical-align: bottom; white-space: normal; min-width: 5.5rem }
  th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff }
  .published { color: #666; font-style: italic }
  figure { margin: 0 0 1rem } figure svg { width: 100%; max-width: 40rem; height: auto }
  li { overflow-wrap: anywhere; font-size: .85rem }
  .paper { display: none }
  @media print {
    body { max-width: none; font-size: 11px } figure, tr, .paper { break-inside: avoid } h2 { break-after: avoid }
    figure svg { max-width: 26rem } .wide { display: none } .paper { display: block; margin-bottom: 1rem }
    th, td { padding: .1rem .3rem } th { min-width: 0 }
  }
</style>
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
        ("Time by layer", f"Milliseconds at {clock} MHz, {_unit(cases[0])}.", _figure(len(cases), _layers, cases)),
        ("Memory", "Flash and RAM of the whole image, in kB (1,000 bytes).", _figure(len(cases), _memory, cases)),
    ]
    if all({"instructions", "cycles_modelled"} <= row.counts.keys() for row in cases):
        both = _figure(len(cases) * 1.6, _instructions_and_cycles, cases)
        figures.insert(1, ("Instructions against modelled cycles", "In millions, a whole inference.", both))
    environment = jinja2.Environment(autoescape=True)
    environment.globals["published"] = lambda heading: (
        Markup(' class="published"') if heading.startswith("published") else ""
    )
    columns = range(1, len(laid_out.headings))
    sheets = [[0, *columns[start : start + _PAPER_COLUMNS]] for start in range(0, len(columns), _PAPER_COLUMNS)]
    return environment.from_string(_PAGE).render(figures=figures, grid=laid_out, sheets=sheets)


def _unit(row: Row) -> str:
    return {
        "instructions": "each instruction taken as one cycle",
        "cycles_modelled": "from modelled cycles",
        "cycles_measured": "from measured cycles",
    }[row.time_unit]


def _figure(bars: float, draw: Callable[[Axes, Sequence[Row]], None], rows: Sequence[Row]) -> str:
    figure = Figure(figsize=(_WIDTH_INCHES, 1.1 + _BAR_INCHES * bars), layout="constrained")
    axes = figure.subplots()
    draw(axes, rows)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.invert_yaxis()
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]


def _layers(axes: Axes, rows: Sequence[Row]) -> None:
    operators = list(dict.fromkeys(layer.op for row in rows for layer in row.layers))
    for number, row in enumerate(rows):
        start = 0.0
        for layer in row.layers:
            width = row.milliseconds(layer.counts[row.time_unit])
            colour = _COLOURS[operators.index(layer.op) % len(_COLOURS)]
            axes.barh(number, width, left=start, color=colour, edgecolor="white", linewidth=0.5)
            start += width
        axes.text(start, number, f" {start:.2f}", va="center", fontsize=9)
    for number, operator in enumerate(operators):
        axes.barh(0, 0, color=_COLOURS[number % len(_COLOURS)], label=operator)
    axes.set_yticks(range(len(rows)), [row.case for row in rows])
    axes.set_xlabel("ms")
    axes.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _instructions_and_cycles(axes: Axes, rows: Sequence[Row]) -> None:
    for unit, offset, colour in (("instructions", -0.2, _COLOURS[0]), ("cycles_modelled", 0.2, _COLOURS[1])):
        millions = [row.counts[unit] / 1e6 for row in rows]
        places = [number + offset for number in range(len(rows))]
        axes.barh(places, millions, height=0.38, color=colour, label=unit.replace("_", " "))
        for place, value in zip(places, millions, strict=True):
            axes.text(value, place, f" {value:.2f}", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row.case for row in rows])
    axes.set_xlabel("millions")
    axes.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _memory(axes: Axes, rows: Sequence[Row]) -> None:
    places = range(len(rows))
    code = [(row.flash_bytes - row.weights_bytes) / 1e3 for row in rows]
    weights = [row.weights_bytes / 1e3 for row in rows]
    ram = [row.ram_bytes / 1e3 for row in rows]
    axes.barh([place - 0.2 for place in places], code, height=0.36, color=_COLOURS[0], label="flash: code")
    axes.barh(
        [place - 0.2 for place in places], weights, left=code, height=0.36, color=_COLOURS[4], label="flash: weights"
    )
    axes.barh([place + 0.2 for place in places], ram, height=0.36, color=_COLOURS[1], label="RAM")
    for place, row in enumerate(rows):
        axes.text(row.flash_bytes / 1e3, place - 0.2, f" {row.flash_bytes / 1e3:.1f}", va="center", fontsize=8)
        axes.text(row.ram_bytes / 1e3, place + 0.2, f" {row.ram_bytes / 1e3:.1f}", va="center", fontsize=8)
    axes.set_yticks(list(places), [row.case for row in rows])
    axes.set_xlabel("kB")
    axes.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
