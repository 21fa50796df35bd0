"""The colours of series, which layers on the page of `draw` have as well: told apart by every eye, seen on each card.

Colour blindness is simulated after G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A Physiologically-based
Model for Simulation of Color Vision Deficiency" (2009), severity 1; distances are those of B. Ottosson's Oklab,
where 0.02 is about what is just noticed side by side.
"""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from renode_mnist import paths
from renode_mnist.report.bars import SERIES

Colour = npt.NDArray[np.float64]

EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(text: str) -> Colour:
    """Of ``#rrggbb`` or ``#rgb``, red, green and blue as light."""
    digits = text.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    coded = np.array([int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def oklab(light: Colour) -> Colour:
    return _LAB @ np.cbrt(_LMS @ light.clip(0, 1))


def contrast(one: Colour, other: Colour) -> float:
    """WCAG 2.2's ratio."""
    high, low = sorted((float(np.dot([0.2126, 0.7152, 0.0722], each)) for each in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(name: str, file: str, scheme: str) -> list[str]:
    """What a style sheet sets a colour to in a scheme."""
    folder = paths.draw_page() if file == "style.css" else paths.report_static()
    light, dark = (folder / file).read_text().split("(prefers-color-scheme: dark)", 1)
    return re.findall(rf"--{name}: (#[0-9a-f]+);", light if scheme == "light" else dark)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_series_are_told_apart(scheme: str, eye: str) -> None:
    series = colours(r"series-\d", "colours.css", scheme)
    assert len(series) == SERIES
    seen = {each: oklab(EYES[eye] @ linear(each)) for each in series}
    nearest = min((float(np.linalg.norm(seen[a] - seen[b])), a, b) for a, b in combinations(series, 2))
    assert nearest[0] > 0.08, nearest


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_series_are_seen_on_paper_and_card(scheme: str) -> None:
    grounds = [
        *colours("paper", "colours.css", scheme),
        *(colour for name in ("card", "track") for colour in colours(name, "style.css", scheme)),
    ]
    assert len(grounds) == 3
    for each in colours(r"series-\d", "colours.css", scheme):
        for ground in grounds:
            assert contrast(linear(each), linear(ground)) >= 3, (each, ground)  # WCAG 2.2, 1.4.11
