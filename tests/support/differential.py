"""Random networks through every engine, LiteRT and TensorFlow Lite Micro, for as long as one likes (docs/testing.md).

Usage: differential.py [--seconds N] [--seed S] [--size N] [--chip N]. Batch after batch is drawn from the operators'
layers (random_networks.py): its networks are computed by both runtimes, and by every engine and objective in C++ that
this PC compiled; the first of them by an engine on the emulated chip too. A difference is shrunk by Hypothesis to a
smallest network and written down in build/differential, with its inputs and both answers; the run goes on, and ends
with status 1. The same seed draws the same networks.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisException

import host_cmsis_nn
from apart import apart
from emulated_engine import emulate
from host_batch import HostBatch
from random_networks import CHANNEL_LAYERS, IMAGE_LAYERS, LITERT_LAYERS, Network, networks
from renode_mnist import codegen, paths
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from renode_mnist.images import BuildConfig
from runtimes import litert, litert_plain, tflite_micro
from sample_engines import REFUSED_TYPES, TOLERANCES

Answers = list[npt.NDArray[Any]]
"""An output for each input of a network."""

_HYBRID_TOLERANCE = 1e-5
_MOST_LAYERS = 6


class Menu(NamedTuple):
    """What networks are drawn from.

    Attributes:
        oracle: What computes them as they should be.
    """

    kind: str
    layers: Any
    oracle: Callable[[Network], Answers]
    name: str


MENUS = (
    Menu("INT8", None, tflite_micro, "int8"),
    Menu("FLOAT32", None, tflite_micro, "float32"),
    Menu("INT16", None, tflite_micro, "int16x8"),
    Menu("HYBRID", None, litert, "dynamic range"),
    Menu("INT8", IMAGE_LAYERS, tflite_micro, "int8, convolutions and pools"),
    Menu("INT8", CHANNEL_LAYERS, tflite_micro, "int8, channels apart"),
    Menu("FLOAT32", IMAGE_LAYERS, tflite_micro, "float32, convolutions and pools"),
    Menu("INT8", LITERT_LAYERS, litert_plain, "int8, what tflite-micro lacks"),
    Menu("FLOAT32", LITERT_LAYERS, litert_plain, "float32, what tflite-micro lacks"),
)

ENGINES = (("reference", "time"), *(("m7", each.value) for each in codegen.Objective), ("cmsis-nn", "time"))


class Difference(NamedTuple):
    """Where an engine, or a runtime, does not answer as the network's oracle."""

    where: str
    text: str
    network: Network


@dataclass
class Found:
    """What a batch came to.

    Attributes:
        runs: Networks by engine and objective, and by runtime.
        unanswered: Networks that the oracle refused or died of.
        apart: Networks that LiteRT's reference kernels compute otherwise than TensorFlow Lite Micro, by menu.
    """

    networks: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    apart: dict[str, list[Network]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def take(self, other: Found) -> None:
        """Adds another batch."""
        self.networks += other.networks
        self.operators.update(other.operators)
        self.runs.update(other.runs)
        self.unanswered.update(other.unanswered)
        for menu, some in other.apart.items():
            self.apart[menu] = self.apart.get(menu, []) + some
        self.differences += other.differences


def drawn(menu: Menu, number: int, size: int) -> list[Network]:
    """The networks of a batch."""
    found: list[Network] = []

    @seed(number)
    @_settings(size, Phase.generate)
    @given(networks(menu.kind, most_layers=_MOST_LAYERS, layers=menu.layers))
    def draw(network: Network) -> None:
        found.append(network)

    draw()
    return found


def _settings(size: int, *phases: Phase) -> settings:
    return settings(
        max_examples=size, deadline=None, database=None, phases=phases, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
    )  # fmt: skip


def _engines(kind: str) -> list[tuple[str, str]]:
    return [pair for pair in ENGINES if kind not in REFUSED_TYPES.get(pair[0], {})]


def _plan(network: Network, engine: str, objective: str) -> Plan:
    aim = codegen.Aim(codegen.Objective(objective))
    return codegen.plan(parse(network.content, "random.tflite"), engine, aim)


def _call(oracle: Callable[[Network], Answers], network: Network) -> Answers | str:
    try:
        return oracle(network)
    except (RuntimeError, ValueError) as error:
        return str(error).splitlines()[0]


def batch(menu: Menu, number: int, size: int) -> Found:
    """Draws networks and holds all engines to their oracle."""
    return compared(menu, drawn(menu, number, size), f"differential-{number % 2}")


def compared(menu: Menu, some: Sequence[Network], name: str, only: str = "") -> Found:
    """Holds all engines to the oracle on some networks.

    Args:
        menu: What they were drawn from.
        some: Networks.
        name: Of the library that is compiled.
        only: One engine with its objective.
    """
    found = Found(networks=len(some))
    built: dict[str, Plan] = {}
    asked: list[tuple[str, Network, str]] = []
    for index, network in enumerate(some):
        found.operators.update({each.op for each in parse(network.content, "random.tflite").operators})
        for engine, objective in _engines(menu.kind):
            label, key = f"{engine}/{objective}", f"{index}/{engine}/{objective}"
            if only not in ("", label):
                continue
            try:
                built[key] = _plan(network, engine, objective)
            except ModelError as error:
                found.differences.append(Difference(label, f"refused: {error}", network))
                continue
            asked.append((key, network, label))
    wanted = dict(zip(map(id, some), apart(_call, [(menu.oracle, each) for each in some]), strict=True))
    _compare_runtimes(menu, some, wanted, found)
    library = HostBatch(name, built, more=host_cmsis_nn.arguments())
    got = apart(_infer, [(library, key, network) for key, network, _ in asked])
    for (_, network, label), mine in zip(asked, got, strict=True):
        theirs = wanted[id(network)]
        if theirs is None or isinstance(theirs, str):
            continue
        found.runs[label] += 1
        text = (
            "ends the program" if mine is None else differs(mine, theirs, tolerance(menu.kind, label.split("/")[0]))
        )
        if text:
            found.differences.append(Difference(label, text, network))
    return found


def _infer(library: HostBatch, key: str, network: Network) -> Answers:
    """As the runtimes do it: variables keep what an inference left in them."""
    first, *others = [(values,) for values in network.inputs]
    return [library(key, first)[0], *(library.go_on(key, values)[0] for values in others)]


def _compare_runtimes(
    menu: Menu, some: Sequence[Network], wanted: dict[int, Answers | str | None], found: Found
) -> None:
    """Counts where the runtimes are apart, which is no mistake of ours: the engines follow the menu's oracle."""
    plain = (
        apart(_call, [(litert_plain, each) for each in some]) if menu.oracle is tflite_micro else [None] * len(some)
    )
    for network, other in zip(some, plain, strict=True):
        theirs = wanted[id(network)]
        if theirs is None or isinstance(theirs, str):
            found.unanswered[theirs or "ends the process"] += 1
        elif isinstance(other, list):
            found.runs["litert"] += 1
            if differs(other, theirs, tolerance(menu.kind, "reference")):
                found.apart.setdefault(menu.name, []).append(network)


def tolerance(kind: str, engine: str) -> float:
    """Of float32, relative and absolute; quantised networks are the same to the bit."""
    return {"FLOAT32": TOLERANCES.get(engine, 0.0), "HYBRID": _HYBRID_TOLERANCE}.get(kind, 0.0)


def differs(got: Answers, wanted: Answers, allowed: float) -> str:
    """What is wrong with an engine's answers; empty where nothing is."""
    for position, (mine, theirs) in enumerate(zip(got, wanted, strict=True)):
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return f"{mine.dtype} {mine.shape} instead of {theirs.dtype} {theirs.shape}"
        if mine.dtype.kind == "f":
            right = np.isclose(mine, theirs, rtol=allowed, atol=allowed, equal_nan=True)
        else:
            right = mine == theirs
        if not right.all():
            where = tuple(np.argwhere(~right)[0].tolist())
            count = np.count_nonzero(~right)
            return f"input {position}: {count} differ, {mine[where]} instead of {theirs[where]} at {list(where)}"
    return ""


def on_chip(menu: Menu, network: Network, engine: str) -> str:
    """What is wrong with a network's answers on the emulated chip; empty where nothing is.

    The chip's compiler fuses products and sums where that of this PC does not: 1e-6 a layer beside the tolerance.
    """
    wanted = _call(menu.oracle, network)
    if isinstance(wanted, str):
        return ""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "random.tflite"
        model.write_bytes(network.content)
        got = emulate(BuildConfig(model, engine=engine), network.inputs).outputs
    allowed = tolerance(menu.kind, engine)
    if allowed:
        allowed = max(allowed, 1e-6 * len(parse(network.content, "random.tflite").operators))
    return differs(list(got), wanted, allowed)


def shrunk(menu: Menu, number: int, size: int, found: Difference) -> Difference:
    """The smallest network that Hypothesis finds with a difference in the same place; else the one that is given."""
    smallest = [found]
    known: dict[bytes, bool] = {}

    @seed(number)
    @_settings(size, Phase.generate, Phase.shrink)
    @given(networks(menu.kind, most_layers=_MOST_LAYERS, layers=menu.layers))
    def look(network: Network) -> None:
        key = hashlib.sha256(network.content).digest()
        if key not in known:
            same = _alone(menu, network, found.where)
            known[key] = bool(same)
            if same and len(same[0].network.content) <= len(smallest[0].network.content):
                smallest[0] = same[0]
        assert not known[key]

    # What came before it in its batch is known to be right, and Hypothesis draws it again.
    for network in drawn(menu, number, size):
        if network.content == found.network.content:
            break
        known[hashlib.sha256(network.content).digest()] = False
    with contextlib.suppress(AssertionError, HypothesisException):
        look()
    return smallest[0]


def _alone(menu: Menu, network: Network, where: str) -> list[Difference]:
    done = apart(compared, [(menu, [network], "differential-alone", where)])[0]
    return [] if done is None else done.differences


def written(difference: Difference, menu: Menu, number: int) -> Path:
    """Where a difference stands from now on."""
    digest = hashlib.sha256(difference.network.content).hexdigest()[:12]
    folder = paths.root() / "build" / "differential" / digest
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.tflite").write_bytes(difference.network.content)
    np.savez(folder / "inputs.npz", *difference.network.inputs)
    said = {
        "where": difference.where, "difference": difference.text, "menu": menu.name, "seed": number,
        "operators": list(difference.network.operators),
    }  # fmt: skip
    (folder / "difference.json").write_text(json.dumps(said, indent=1) + "\n")
    return folder


def batches(first: int, seconds: float) -> Iterator[tuple[int, Menu]]:
    """Seeds and menus, until the time is over."""
    end = time.monotonic() + seconds
    number = first
    while time.monotonic() < end:
        yield number, MENUS[number % len(MENUS)]
        number += 1


def main() -> int:
    """Runs, prints what came of it, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=float, default=600, help="no batch begins after that")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch; each has the next")
    parser.add_argument("--size", type=int, default=24, help="networks a batch")
    parser.add_argument(
        "--chip", type=int, default=3, help="one network of each so many batches on the chip; 0: none"
    )
    asked = parser.parse_args()
    total = Found()
    began = time.monotonic()
    for number, menu in batches(asked.seed, asked.seconds):
        done = apart(batch, [(menu, number, asked.size)])[0]
        if done is None:
            print(f"seed {number} ({menu.name}): the batch ended its process", flush=True)
            return 2
        if asked.chip and number % asked.chip == 0:
            engine = _engines(menu.kind)[number // asked.chip % len(_engines(menu.kind))][0]
            network = drawn(menu, number, asked.size)[0]
            text = apart(on_chip, [(menu, network, engine)])[0]
            done.runs[f"{engine} on the chip"] += 1
            if text != "":
                done.differences.append(Difference(f"{engine} on the chip", text or "ends the process", network))
        seen: set[str] = set()
        for difference in done.differences:
            engine = difference.where.partition("/")[0]  # objectives share most kernels
            if engine in seen:
                continue
            seen.add(engine)
            on_host = "chip" not in difference.where
            smallest = shrunk(menu, number, asked.size, difference) if on_host else difference
            print(f"seed {number} ({menu.name}), {smallest.where}: {smallest.text}: {smallest.network!r}")
            print(f"  {written(smallest, menu, number)}", flush=True)
        total.take(done)
    _tell(total, time.monotonic() - began)
    return 1 if total.differences else 0


def _tell(total: Found, seconds: float) -> None:
    print(f"{total.networks} networks of {len(total.operators)} operators in {seconds:.0f} s of the clock")
    for name, count in sorted(total.runs.items()):
        print(f"  {name}: {count} networks")
    for name, some in total.apart.items():
        shortest = min(some, key=lambda network: len(network.operators))
        print(
            f"  LiteRT's reference kernels and TensorFlow Lite Micro are apart ({name}): {len(some)}, as {shortest!r}"
        )
    for name, count in total.unanswered.items():
        print(f"  not computed by its runtime ({name}): {count} networks")
    print(f"  differences: {len(total.differences)}")


if __name__ == "__main__":
    sys.exit(main())
