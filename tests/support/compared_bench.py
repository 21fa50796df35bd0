"""Budgets of the networks on which engines are compared, and the tables of docs/engines.md that are made of them.

``python compared_bench.py [--check | --update]`` runs `renode-mnist bench` on all of them, 3 minutes of a processor:
``make bench-networks``. ``python compared_bench.py --page`` writes the tables; a test holds that they are up to date.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from compared_networks import NETWORKS
from network_files import kept
from renode_mnist import codegen, paths
from renode_mnist.codegen import operators
from renode_mnist.measure import budgets
from renode_mnist.measure.budgets import Bounds
from renode_mnist.report import grid

BUDGETS = Path(__file__).parents[1] / "codegen" / "compared_budgets.toml"
PAGE = "engines.md"

_OF_THE_ARTICLE = ("int8", "float32")
_OBJECTIVES = ("time", "flash", "ram", "instructions")
_CLOCK_MHZ = 216
_BEGIN, _END = "<!-- {}: make docs-tables -->", "<!-- end of {} -->"

_SAID = {
    "keyword_spotting": "keyword spotting, depthwise separable, 49x10x1",
    "image_classification": "image classification, residual, 32x32x3",
    "person_detection": "person detection, MobileNet 0.25, 96x96x1",
    "speech": "speech, one depthwise layer of 8 filters, 49x40x1",
    "autoencoder": "autoencoder, dense, 640",
    "odd_channels": "1, 3, 5 and 17 channels, groups, 40x40x1",
    "motions_int8": "motions, trained, `models/motions`",
    "int8": "the article's digits, trained, 28x28x1",
}


def files() -> dict[str, Path]:
    """The networks, by their cases' names: generated ones, and two that were trained."""
    found = {name: kept(name, network()) for name, network in NETWORKS.items()}
    found["motions_int8"] = paths.models() / "motions" / "motions_int8.tflite"
    found["int8"] = paths.models() / "mnist_int8.tflite"
    return found


def runs(how: Sequence[str]) -> Iterator[list[str]]:
    """Arguments of `renode-mnist`."""
    models = ",".join(str(file) if name != "int8" else name for name, file in files().items())
    more = [*how, "--budgets", str(BUDGETS)] if how else []
    yield ["bench", "--models", models, "--engines", "m7,cmsis-nn", *more]
    for model in _OF_THE_ARTICLE:
        yield ["bench", "--models", model, "--engines", "m7", "--objectives", ",".join(_OBJECTIVES), *more]


def tables() -> dict[str, grid.Grid]:
    """By the name of their place in the page."""
    cases = {name: next(iter(by.values())) for name, by in budgets.load(BUDGETS).cases.items()}
    return {"networks": _networks(cases), "objectives": _objectives(cases)}


def page(text: str) -> str:
    """The page with its tables made anew."""
    for name, table in tables().items():
        begin, end = _BEGIN.format(name), _END.format(name)
        head, rest = text.split(begin)
        text = f"{head}{begin}\n{grid.markdown(table).strip()}\n{end}{rest.split(end)[1]}"
    return text


def page_file() -> Path:
    """Where the page stands."""
    return paths.root() / "docs" / PAGE


def _networks(cases: dict[str, Bounds]) -> grid.Grid:
    rows = []
    for name, file in files().items():
        ours, theirs = cases[f"{name}/m7"], cases[f"{name}/cmsis-nn"]
        assert ours.cycles_modelled is not None
        assert theirs.cycles_modelled is not None
        macs = sum(map(operators.macs, codegen.load(file).operators))
        rows.append(
            (
                _SAID[name],
                f"{macs:,}",
                _milliseconds(theirs),
                _milliseconds(ours),
                f"{ours.cycles_modelled / theirs.cycles_modelled:.2f}",
                f"{ours.cycles_modelled / macs:.2f}",
                f"{theirs.flash_bytes:,}",
                f"{ours.flash_bytes:,}",
                f"{theirs.ram_bytes:,}",
                f"{ours.ram_bytes:,}",
            )
        )
    headings = (
        "network, int8",
        "MACs",
        "`cmsis-nn`, ms",
        "`m7`, ms",
        "ratio",
        "cycles/MAC",
        "flash, B: `cmsis-nn`",
        "`m7`",
        "RAM, B: `cmsis-nn`",
        "`m7`",
    )
    return grid.Grid(headings, tuple(rows))


def _objectives(cases: dict[str, Bounds]) -> grid.Grid:
    rows = []
    for model in _OF_THE_ARTICLE:
        for objective in _OBJECTIVES:
            bounds = cases[f"{model}/m7" + (f"-{objective}" if objective != _OBJECTIVES[0] else "")]
            row = (
                f"{bounds.instructions:,}",
                _milliseconds(bounds),
                f"{bounds.flash_bytes:,}",
                f"{bounds.ram_bytes:,}",
            )
            rows.append((model, f"`{objective}`", *row))
    headings = ("the article's network", "objective", "instructions", "ms", "flash, B", "RAM, B")
    return grid.Grid(headings, tuple(rows), labels=2)


def _milliseconds(bounds: Bounds) -> str:
    assert bounds.cycles_modelled is not None
    return f"{bounds.cycles_modelled / _CLOCK_MHZ / 1000:.3f}"


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    if arguments == ["--page"]:
        page_file().write_text(page(page_file().read_text()))
        return 0
    program = Path(sys.executable).with_name("renode-mnist")
    return max([subprocess.run([program, *run]).returncode for run in runs(arguments)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
