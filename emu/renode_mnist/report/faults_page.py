"""A campaign of faults as one self-contained HTML page."""

from __future__ import annotations

from renode_mnist.measure.faults.campaign import Campaign
from renode_mnist.measure.faults.fault import Place
from renode_mnist.report import fault_charts, faults, identity, pages
from renode_mnist.report.grid import Grid

SILENT_SHOWN = 200

_CLASSES = {True: "another", False: "the same", None: ""}


def render(found: Campaign) -> str:
    """The page; the same campaign, made at the same minute, gives the same bytes."""
    target, firmware = found.connection.target, found.connection.firmware
    has_weights = bool(found.at(Place.WEIGHTS))
    return pages.render(
        "faults.html",
        identity=identity.rows(target, firmware),
        firmware=firmware,
        score=faults.score(found),
        sentences=faults.sentences(found),
        grids=_grids(found),
        layers=fault_charts.layers(found) if has_weights else None,
        bits=fault_charts.bits(found) if has_weights else None,
        silent=_silent(found) if found.silent else None,
        count=len(found.silent),
    )


def _grids(found: Campaign) -> list[tuple[str, Grid]]:
    grids = [("By place", faults.by_place(found))]
    if found.at(Place.WEIGHTS):
        grids.append(("Weights, by layer", faults.by_layer(found)))
    for place in (Place.CODE, Place.REGISTERS, Place.REQUEST, Place.REPLY):
        if found.at(place):
            grids.append((f"{str(place).capitalize()}, by part", faults.by_part(found, place)))
    return grids


def _silent(found: Campaign) -> Grid:
    """The first of those that nobody noticed."""
    rows = tuple(
        (
            f"{each.fault.number}",
            str(each.fault.place),
            each.fault.said,
            f"{each.fault.sample}",
            _CLASSES[each.class_differs],
        )
        for each in found.silent[:SILENT_SHOWN]
    )
    return Grid(("fault", "place", "what", "input", "class"), rows, figures=(0, 3))
