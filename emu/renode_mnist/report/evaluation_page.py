"""An evaluation as one self-contained HTML page, with the wrong samples as a contact sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from renode_mnist.measure.evaluation.evaluation import Evaluation
from renode_mnist.model import picture_tensor
from renode_mnist.model.inputs import Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.report import evaluation, identity, pages

MOST_SHOWN = 600
"""Samples on one sheet: a page of a few megabytes still opens on a phone."""

_LINES_SHOWN = 8
_SIDE = 84


@dataclass(frozen=True)
class Shown:
    """A sample on a sheet."""

    picture: Markup
    name: str
    said: str


def render(found: Evaluation) -> str:
    """The page; the same evaluation, made at the same minute, gives the same bytes."""
    target, firmware = found.connection.target, found.connection.firmware
    return pages.render(
        "evaluation.html",
        identity=[*identity.rows(target, firmware), ("data", f"{found.data.name} (SHA-256 {found.data_sha256})")],
        firmware=firmware,
        score=evaluation.score(found),
        matrix=evaluation.confusion(found.classes) if found.classes is not None else None,
        classes=len(found.classes.confusion) if found.classes is not None else 0,
        sentences=[(each.label, each.said) for each in evaluation.sentences(found)],
        sheets=_sheets(found),
        notes=found.data.notes,
    )


def _sheets(found: Evaluation) -> list[tuple[str, list[Shown], int]]:
    sheets = []
    if found.classes is not None and (wrong := found.classes.wrong):
        classes = found.classes
        told = [(each.position, f"is {classes.name(each.label)}, answered {classes.name(each.answer)} "
                 f"({each.score:.3f})") for each in wrong]  # fmt: skip
        sheets.append(_sheet(found, f"Wrong: {len(wrong):,}", told))
    if found.against is not None and found.against.different:
        off = [
            (position, f"{found.answers.reference_units[position]:.3g} units off")
            for position in found.against.different
        ]
        sheets.append(_sheet(found, f"Other than the reference: {len(off):,}", off))
    ends = [(found.costs.fastest, "fastest"), (found.costs.slowest, "slowest")]
    sheets.append(
        _sheet(found, "Fastest and slowest", [(position, f"{which}: {count:,}") for (position, count), which in ends])
    )
    return sheets


def _sheet(found: Evaluation, title: str, told: Sequence[tuple[int, str]]) -> tuple[str, list[Shown], int]:
    shown = [
        Shown(_picture(found.inputs, found.data.tensors(position)), found.data.sample_name(position), said)
        for position, said in told[:MOST_SHOWN]
    ]
    return title, shown, max(0, len(told) - MOST_SHOWN)


def _picture(specs: Sequence[TensorSpec], tensors: Tensors) -> Markup:
    """The first input that is an image; else the first as lines over its longest axis."""
    for spec, values in zip(specs, tensors, strict=True):
        if picture_tensor.is_image(spec):
            return _image(spec, np.asarray(values))
    return _lines(specs[0].reals(np.asarray(tensors[0])))


def _image(spec: TensorSpec, values: np.ndarray) -> Markup:
    height, width, channels = picture_tensor.image_shape(spec, spec.name)
    reals = spec.reals(values).reshape(height, width, channels)
    # The same black and white for all of them where the tensor has a range of its own.
    low, high = (0.0, 1.0)
    if spec.is_quantised:
        low, high = ((limit - spec.zero_point) * spec.scale for limit in spec.limits)
    elif reals.min() < low or reals.max() > high:
        low, high = float(reals.min()), float(reals.max())
    shades = ((reals - low) / (high - low) * 255).round().clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(shades[..., 0] if channels == 1 else shades).save(stream, format="PNG")
    coded = base64.b64encode(stream.getvalue()).decode()
    return Markup('<img alt="" src="data:image/png;base64,{}">').format(coded)


def _lines(reals: np.ndarray) -> Markup:
    """A line a channel, channels last."""
    rows = (
        reals.reshape(-1, reals.shape[-1])
        if reals.ndim > 1 and reals.size > reals.shape[-1]
        else reals.reshape(-1, 1)
    )
    finite = np.nan_to_num(rows)
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    step = max(1, len(finite) // (2 * _SIDE))
    lines = []
    for column in finite[::step].T[:_LINES_SHOWN]:
        across = np.linspace(1, _SIDE - 1, len(column))
        down = _SIDE - 1 - (column - low) / span * (_SIDE - 2)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        lines.append(Markup('<polyline points="{}"/>').format(points))
    return Markup('<svg viewBox="0 0 {0} {0}" fill="none" stroke-width="1" aria-hidden="true">{1}</svg>').format(
        _SIDE, Markup("").join(lines)
    )
