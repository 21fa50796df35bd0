"""What engine `m7` costs on the emulated chip: instructions are exact, so they are held to bars as results are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import channel_chains
from kernel_chains import CHAINS, chain
from known_compiler import skip_unless_known
from network_files import kept
from random_networks import Network
from renode_mnist import paths
from renode_mnist.codegen import load
from renode_mnist.images import BuildConfig, Objective, build
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import Stats
from runtimes import tflite_micro

KB = 1000
INFERENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Run:
    """The second inference on an image, and what the firmware says of itself."""

    instructions: int
    tensor: bytes
    stats: Stats


def run(model: Path, objective: Objective) -> tuple[Run, Network]:
    image = build(BuildConfig(model, engine="m7", objective=objective))
    source = load(model).inputs[0]
    random = np.random.default_rng(5)
    if source.quantisation is None:
        values = random.random(source.shape).astype(np.float32)
    else:
        values = random.integers(-128, 128, source.shape).astype(np.int8)
    with EmbeddedTarget(image.elf) as target:
        client = Client(target, timeout_seconds=INFERENCE_SECONDS)
        client.infer(values.tobytes())
        result = client.infer(values.tobytes())
        network = Network(model.read_bytes(), (values,), ())
        return Run(sum(layer.counter for layer in result.layers), result.tensor, client.stats()), network


def models(name: str) -> Path:
    return paths.models() / f"mnist_{name}.tflite"


@pytest.mark.parametrize(
    ("objective", "most_instructions", "most_flash", "most_code"),
    [
        ("time", 1_420_000, 275 * KB, 46 * KB),
        pytest.param("instructions", 1_250_000, 215 * KB, 27 * KB, marks=pytest.mark.long),
        pytest.param("flash", 1_960_000, 125 * KB, 28 * KB, marks=pytest.mark.long),
    ],
)
def test_the_articles_network_in_int8(
    objective: Objective, most_instructions: int, most_flash: int, most_code: int
) -> None:
    costs, network = run(models("int8"), objective)
    assert costs.tensor == tflite_micro(network)[0].tobytes()
    skip_unless_known("the answer is right")
    assert costs.instructions <= most_instructions
    assert costs.stats.flash_bytes <= most_flash
    # Winograd's transforms are 15 kB of it.
    assert costs.stats.flash_bytes - costs.stats.weights_bytes <= most_code
    assert costs.stats.ram_static_bytes + costs.stats.stack_used_bytes <= 64 * KB


@pytest.mark.parametrize(
    ("objective", "most_instructions", "most_arena"),
    [("instructions", 1_650_000, 112 * KB), ("flash", 2_700_000, 60 * KB)],
    ids=["winograd", "direct"],
)
def test_the_articles_network_in_float32(objective: Objective, most_instructions: int, most_arena: int) -> None:
    costs, network = run(models("float32"), objective)
    np.testing.assert_allclose(np.frombuffer(costs.tensor, np.float32), tflite_micro(network)[0][0], atol=1e-5)
    assert costs.stats.arena_bytes <= most_arena
    skip_unless_known("answer and arena are right")
    assert costs.instructions <= most_instructions


@pytest.mark.parametrize(
    "objective", ["time", *(pytest.param(other, marks=pytest.mark.long) for other in ("instructions", "flash"))]
)
@pytest.mark.parametrize("name", CHAINS)
def test_assembly_in_int8(name: str, objective: Objective) -> None:
    """On the PC the kernels have C++ twins: only here do the loops in assembly run."""
    costs, network = run(kept(f"{name}_int8", chain(name, quantised=True)), objective)
    assert costs.tensor == tflite_micro(network)[0].tobytes()


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("kernels", "pools") else pytest.param(name, marks=pytest.mark.long)
        for name in channel_chains.CHAINS
    ],
)
def test_assembly_of_layers_that_keep_channels_apart(name: str) -> None:
    costs, network = run(kept(f"channels_{name}", channel_chains.chain(name, quantised=True)), "time")
    assert costs.tensor == tflite_micro(network)[0].tobytes()


@pytest.mark.parametrize("name", ["kernels", pytest.param("others", marks=pytest.mark.long)])
def test_assembly_of_float32_layers_that_keep_channels_apart(name: str) -> None:
    model = kept(f"channels_{name}_float32", channel_chains.chain(name, quantised=False))
    costs, network = run(model, "time")
    wanted = tflite_micro(network)[0].reshape(-1)
    np.testing.assert_allclose(np.frombuffer(costs.tensor, np.float32), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("objective", ["time", pytest.param("flash", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "name", [name if name in ("digit", "tiles") else pytest.param(name, marks=pytest.mark.long) for name in CHAINS]
)
def test_assembly_in_float32(name: str, objective: Objective) -> None:
    costs, network = run(kept(f"{name}_float32", chain(name, quantised=False)), objective)
    wanted = tflite_micro(network)[0].reshape(-1)
    np.testing.assert_allclose(np.frombuffer(costs.tensor, np.float32), wanted, rtol=1e-5, atol=1e-5)
