"""A campaign of faults as tables, as sentences, and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from renode_mnist.measure.faults.campaign import Campaign, Retold
from renode_mnist.measure.faults.fault import Outcome, Place
from renode_mnist.measure.faults.tally import Share, Tally
from renode_mnist.report.grid import Grid

_PARTS_SHOWN = 12
_FRAME_BYTES_SHOWN = 24
_PLURALS = {Place.CODE: "function", Place.REGISTERS: "register", Place.CLOCK: "oscillator"}


def by_place(found: Campaign) -> Grid:
    """What faults of each place came to."""
    seen = [outcome for outcome in Outcome if found.total.outcomes.get(outcome)]
    rows = [_place_row(each, seen) for each in (*found.by_place(), found.total)]
    headings = ("place", "faults", *map(str, seen), "silent, 95 %")
    return Grid(headings, tuple(rows), totals=1)


def by_layer(found: Campaign) -> Grid:
    """Faults in weights, a row a layer."""
    return _parts("layer", found.by_layer())


def by_part(found: Campaign, place: Place) -> Grid:
    """Faults of one place, a row a part: the most frequent, where there are many."""
    tallies = found.by_part(place)
    notes: tuple[str, ...] = ()
    if len(tallies) > _PARTS_SHOWN:
        tallies = sorted(tallies, key=lambda each: (-each.harmful.count, each.name))
        notes = (f"and {len(tallies) - _PARTS_SHOWN:,} more; --json has all",)
    grid = _parts(_PLURALS.get(place, "part"), tallies[:_PARTS_SHOWN])
    return Grid(grid.headings, grid.rows, notes)


def _place_row(each: Tally, seen: Sequence[Outcome]) -> tuple[str, ...]:
    counts = (f"{each.outcomes.get(outcome, 0):,}" for outcome in seen)
    return (each.name, f"{each.faults:,}", *counts, interval(each.share(Outcome.SILENT)))


def _parts(heading: str, tallies: Sequence[Tally]) -> Grid:
    rows = tuple(
        (
            each.name,
            f"{each.faults:,}",
            f"{each.harmful.count:,}",
            f"{each.outcomes.get(Outcome.SILENT, 0):,}",
            interval(each.share(Outcome.SILENT)),
            f"{each.other_class:,}",
            interval(Share(each.other_class, each.faults)),
        )
        for each in tallies
    )
    return Grid(
        (heading, "faults", "not masked", "silent", "95 %", "class", "95 %"), rows
    )  # fmt: skip


def interval(share: Share) -> str:
    """A 95 % interval in per cent."""
    low, high = share.interval
    return f"{100 * low:.2f}–{100 * high:.2f} %"


def sentences(found: Campaign) -> list[tuple[str, str]]:
    """What is to be said beside the tables."""
    total = found.total
    silent = total.outcomes.get(Outcome.SILENT, 0)
    said = [("faults", f"{total.faults:,} of seed {found.seed}"), ("inputs", "; ".join(found.notes))]
    text = f"{silent:,}, {interval(total.share(Outcome.SILENT))}"
    if silent:
        text += f"; {total.other_class:,} of them with another class"
        if any(each.found_by_check is not None for each in found.silent):
            text += f"; a check of the image tells {total.found_by_check:,}"
    said.append(("silently wrong", text))
    return said


def score(found: Campaign) -> str:
    """The result in a sentence."""
    total = found.total
    counts = ", ".join(f"{total.outcomes[each]:,} {each}" for each in Outcome if each in total.outcomes)
    return f"{total.faults:,} faults: {counts}."


def to_json(found: Campaign) -> dict[str, Any]:
    """Plain values; the same bytes however many workers tried."""
    return {
        "seed": found.seed,
        "count": len(found.findings),
        "inputs": list(found.samples),
        "notes": list(found.notes),
        "patience_seconds": found.patience_seconds,
        "total": _tally_json(found.total),
        "places": [_tally_json(each) for each in found.by_place()],
        "layers": [_tally_json(each) for each in found.by_layer()],
        "parts": {str(place): [_tally_json(each) for each in found.by_part(place)] for place in found.places},
        "faults": [each.to_json() for each in found.findings],
        **found.connection.to_json(),
    }


def _tally_json(each: Tally) -> dict[str, Any]:
    outcomes = {}
    for outcome in Outcome:
        share = each.share(outcome)
        low, high = share.interval
        outcomes[str(outcome)] = {"count": share.count, "share": share.share, "low_95": low, "high_95": high}
    return {
        "name": each.name,
        "faults": each.faults,
        "outcomes": outcomes,
        "silent_other_class": each.other_class,
        "silent_found_by_check": each.found_by_check,
    }


def retold(one: Retold, *, verbose: bool) -> str:
    """One fault in lines of text."""
    finding, fault = one.finding, one.fault
    how = f" ({finding.how})" if finding.how else ""
    lines = [f"fault {fault.number}: {fault.place}, input {fault.sample}: {fault.said}", f"{finding.outcome}{how}"]
    if finding.outcome is Outcome.SILENT:
        other = {True: "another class", False: "the same class", None: "no classes"}[finding.class_differs]
        told = {True: "; a check of the image tells it", False: "; no check tells it", None: ""}
        lines[-1] += f": {other}{told[finding.found_by_check]}"
    if not verbose:
        return "\n".join(lines)
    for index, expected in enumerate(one.expected):
        lines.append(f"output {index} without it: {expected[:_FRAME_BYTES_SHOWN].hex(' ')}")
        if index < len(one.answer):
            lines.append(f"output {index} with it:    {one.answer[index][:_FRAME_BYTES_SHOWN].hex(' ')}")
    for seconds, direction, frame in one.frames:
        shown = frame[:_FRAME_BYTES_SHOWN].hex(" ") + (" ..." if len(frame) > _FRAME_BYTES_SHOWN else "")
        lines.append(f"{seconds * 1e3:12.3f} ms {direction:8} {len(frame):4} B  {shown}")
    return "\n".join([*lines, *one.log.splitlines()])
