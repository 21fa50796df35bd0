"""What an inference costs, as bars for the page of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.measure.bench import PARTS, Row
from renode_mnist.report.bars import Bar, Chart, Part, single

_BASIS = {
    "instructions": "each instruction taken as one cycle",
    "cycles_modelled": "from modelled cycles",
    "cycles_measured": "from measured cycles",
}


def layers(rows: Sequence[Row]) -> Chart:
    """A bar a case, the time of its layers in a row."""
    operators = list(dict.fromkeys(layer.op for row in rows for layer in row.layers))
    bars = []
    for row in rows:
        times = [(layer.op, row.milliseconds(layer.counts[row.time_unit])) for layer in row.layers]
        parts = tuple(Part(time, operators.index(op), f"{time:.3f} ms") for op, time in times)
        bars.append(Bar(row.case, parts, f"{sum(time for _, time in times):.2f} ms"))
    caption = f"Milliseconds at {rows[0].clock_mhz} MHz, {_BASIS[rows[0].time_unit]}; a colour an operator."
    return Chart(caption, "ms", tuple(operators), tuple(bars))


def instructions_and_cycles(rows: Sequence[Row]) -> Chart:
    """Both counts of each case, which must have them."""
    bars = []
    for row in rows:
        for series, (unit, name) in enumerate((("instructions", "instructions"), ("cycles_modelled", "cycles"))):
            millions = row.counts[unit] / 1e6
            bars.append(single(f"{row.case}, {name}", millions, f"{millions:.2f} M", series))
    return Chart("Millions in a whole inference.", "M", ("instructions (exact)", "cycles (modelled)"), tuple(bars))


def memory(rows: Sequence[Row]) -> Chart:
    """Flash and RAM of each case's image."""
    bars = []
    for row in rows:
        code, weights, ram = ((row.flash_bytes - row.weights_bytes), row.weights_bytes, row.ram_bytes)
        flash = Part(code / 1e3, 0, f"{code:,} B"), Part(weights / 1e3, 1, f"{weights:,} B")
        bars.append(Bar(f"{row.case}, flash", flash, f"{row.flash_bytes / 1e3:.1f} kB"))
        bars.append(Bar(f"{row.case}, RAM", (Part(ram / 1e3, 2, f"{ram:,} B"),), f"{ram / 1e3:.1f} kB"))
    return Chart(
        "Of the whole image, in kB (1,000 bytes).", "kB", ("flash: code", "flash: weights", "RAM"), tuple(bars)
    )


def split(row: Row) -> Chart:
    """A bar for each layer of a case, in it what its modelled cycles were spent on."""
    bars = []
    for number, layer in enumerate(row.layers):
        times = [row.milliseconds(layer.split[part]) for part in PARTS]
        parts = tuple(Part(time, series, f"{time:.3f} ms") for series, time in enumerate(times))
        bars.append(Bar(f"{number}  {layer.op}", parts, f"{sum(times):.3f} ms"))
    caption = (
        f"Milliseconds at {row.clock_mhz} MHz: instructions issued, waits for operands, mispredicted branches, waits "
        "for code, waits for data."
    )
    return Chart(caption, "ms", PARTS, tuple(bars))
