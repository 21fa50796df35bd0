"""Engine `m7` computes an ADD within the convolution that makes one of its terms, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compared_networks import NETWORKS
from emulated_engine import emulate, random_inputs
from host_batch import HostBatch
from kernel_costs import candidates_of
from renode_mnist import codegen
from renode_mnist.codegen.planning import Plan
from renode_mnist.images import BuildConfig
from residual_networks import Residual
from runtimes import tflite_micro

NETWORKS_HERE = {
    "the image itself": Residual((12, 16, 20)),
    "the image itself, first": Residual((12, 12, 20), swapped=True, own="RELU"),
    "another convolution": Residual((16, 12, 20), projected=True, activation="NONE", zero_point=3),
    "another convolution, first": Residual(
        (8, 16, 20), projected=True, swapped=True, activation="RELU6", zero_point=-9
    ),
    "odd sizes, channels that are no fours": Residual((13, 15, 18), projected=True),
    "an odd number of channels": Residual((15, 18, 23)),
}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Plan]]:
    """Of each network a plan for each way of the two as one."""
    model = tmp_path_factory.mktemp("residual") / "network.tflite"
    return {name: _plans(network, model) for name, network in NETWORKS_HERE.items()}


def _plans(network: Residual, model: Path) -> dict[str, Plan]:
    model.write_bytes(network.model())
    graph = codegen.load(model)
    ways = {way.kernel for way in candidates_of(model, "CONV_2D+ADD")}
    return {way: codegen.plan(graph, "m7", codegen.Aim(kernel=way)) for way in ways}


@pytest.fixture(scope="module")
def engine(plans: dict[str, dict[str, Plan]]) -> HostBatch:
    every = {f"{name}: {way}": plan for name, ways in plans.items() for way, plan in ways.items()}
    return HostBatch("m7-residual", every)


@pytest.mark.parametrize("name", NETWORKS_HERE)
def test_every_way_equals_tensorflow_lite_micro(
    name: str, plans: dict[str, dict[str, Plan]], engine: HostBatch
) -> None:
    network = NETWORKS_HERE[name]
    drawn = network.network()
    wanted = tflite_micro(drawn)
    assert len(plans[name]) >= 4
    for way, plan in plans[name].items():
        assert "+".join(part.op for part in plan.steps[-1].operators) == "CONV_2D+ADD"
        for values, answer in zip(drawn.inputs, wanted, strict=True):
            np.testing.assert_array_equal(engine(f"{name}: {way}", (values,))[0], answer, err_msg=way)


def test_the_sum_stands_in_place_of_the_other_term_unless_that_is_the_input(
    plans: dict[str, dict[str, Plan]],
) -> None:
    def places(name: str) -> set[bool]:
        steps = [plan.steps[-1] for plan in plans[name].values()]
        return {step.in_place for step in steps}

    assert places("another convolution") == {True}
    assert places("the image itself") == {False}


def test_what_gains_nothing_by_it_is_left_apart(tmp_path: Path) -> None:
    model = tmp_path / "small.tflite"
    model.write_bytes(Residual((3, 3, 8)).model())
    graph = codegen.load(model)
    assert len(codegen.plan(graph, "m7").steps) == 2
    model.write_bytes(NETWORKS_HERE["the image itself"].model())
    steps = {
        objective: len(codegen.plan(codegen.load(model), "m7", codegen.Aim(objective)).steps)
        for objective in codegen.Objective
    }
    assert steps.pop(codegen.Objective.TIME) == 1
    assert set(steps.values()) == {2}


@pytest.mark.long
def test_a_residual_network_answers_as_reference_on_the_chip(tmp_path: Path) -> None:
    model = tmp_path / "network.tflite"
    model.write_bytes(NETWORKS["image_classification"]())
    inputs = random_inputs(model)
    mine, theirs = (emulate(BuildConfig(model, engine=name), inputs) for name in ("m7", "reference"))
    assert [layer for layer, _ in mine.layers].count("CONV_2D+ADD") == 3
    for one, other in zip(mine.outputs, theirs.outputs, strict=True):
        np.testing.assert_array_equal(one, other)
