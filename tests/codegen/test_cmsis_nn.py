"""Engine `cmsis-nn`: on this PC, where CMSIS-NN is plain C, and on the emulated chip, where it uses SIMD."""

from __future__ import annotations

import ctypes
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import host_cmsis_nn
from compared_networks import every_operator
from emulated_engine import emulate, random_inputs
from firmware_builds import configure, cross
from host_engine import HostEngine
from known_compiler import skip_unless_known
from random_networks import Network, networks
from renode_mnist import codegen
from renode_mnist.codegen import load
from renode_mnist.codegen.cmsis_nn import scratch
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from renode_mnist.images import BuildConfig, resolve_model
from runtimes import tflite_micro
from tflite_builder import ModelBuilder

FEW = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def library() -> Path:
    """The whole of CMSIS-NN as a shared library for this PC."""
    return host_cmsis_nn.library()


def on_this_pc(network: Network) -> list[np.ndarray]:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(network.content)
        engine = HostEngine(model, Path(folder), "cmsis-nn", more=host_cmsis_nn.arguments())
        return [engine(values) for values in network.inputs]


def check_exact(network: Network) -> None:
    for mine, wanted in zip(on_this_pc(network), tflite_micro(network), strict=True):
        np.testing.assert_array_equal(mine, wanted)


@FEW
@given(network=networks("INT8"))
def test_random_networks_equal_tensorflow_lite_micro(network: Network) -> None:
    check_exact(network)


@pytest.mark.long
@MANY
@given(network=networks("INT8", most_layers=6))
def test_many_random_networks_equal_tensorflow_lite_micro(network: Network) -> None:
    check_exact(network)


def test_every_function_on_the_emulated_chip_equals_tensorflow_lite_micro(tmp_path: Path) -> None:
    model = tmp_path / "every_operator.tflite"
    model.write_bytes(every_operator())
    inputs = random_inputs(model, 4)
    wanted = tflite_micro(Network(model.read_bytes(), inputs, ()))
    assert len({values.tobytes() for values in wanted}) > 1
    np.testing.assert_array_equal(on_this_pc(Network(model.read_bytes(), inputs, ())), wanted)
    np.testing.assert_array_equal(emulate(BuildConfig(model, engine="cmsis-nn"), inputs).outputs, wanted)


@pytest.mark.parametrize("variant", ["int8", pytest.param("uint8", marks=pytest.mark.long)])
def test_digits_on_the_emulated_chip_equal_tensorflow_lite_micro_within_the_budget(variant: str) -> None:
    model = resolve_model(variant)
    inputs = random_inputs(model)
    result = emulate(BuildConfig(model, engine="cmsis-nn"), inputs)
    np.testing.assert_array_equal(result.outputs, tflite_micro(Network(model.read_bytes(), inputs, ())))
    skip_unless_known("the answer is right")
    assert result.instructions <= 6_900_000


@pytest.mark.long
@pytest.mark.parametrize("settings", [{"fpu": "soft"}, {"clock_mhz": 288}])
def test_soft_float_and_the_faster_clock_change_no_result(settings: dict[str, object]) -> None:
    config = BuildConfig(resolve_model("int8"), engine="cmsis-nn")
    inputs = random_inputs(config.model, 1)
    usual = emulate(config, inputs)
    other = emulate(dataclasses.replace(config, **settings), inputs)  # type: ignore[arg-type]
    np.testing.assert_array_equal(other.outputs, usual.outputs)
    # The kernels are integers only; the C library's memcpy differs a little.
    skip_unless_known("the answer is the same")
    assert other.instructions <= 6_900_000


class _Pair(ctypes.Structure):
    _fields_ = [("w", ctypes.c_int32), ("h", ctypes.c_int32)]


class _Dims(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in "nhwc"]


class _Activation(ctypes.Structure):
    _fields_ = [("min", ctypes.c_int32), ("max", ctypes.c_int32)]


class _Convolution(ctypes.Structure):
    _fields_ = [
        ("input_offset", ctypes.c_int32), ("output_offset", ctypes.c_int32), ("stride", _Pair), ("padding", _Pair),
        ("dilation", _Pair), ("activation", _Activation),
    ]  # fmt: skip


class _Depthwise(ctypes.Structure):
    _fields_ = [
        ("input_offset", ctypes.c_int32), ("output_offset", ctypes.c_int32), ("multiplier", ctypes.c_int32),
        ("stride", _Pair), ("padding", _Pair), ("dilation", _Pair), ("activation", _Activation),
    ]  # fmt: skip


small = st.integers(1, 5)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window; 1x1 and 3x3 ones, which have functions of their own, often."""
    kernel = draw(st.one_of(st.sampled_from([(1, 1), (3, 3)]), st.tuples(small, small)))
    return Window(
        input_height=draw(st.integers(1, 9)), input_width=9, output_height=9, output_width=9,
        kernel_height=kernel[0], kernel_width=kernel[1], stride_height=draw(small), stride_width=draw(small),
        dilation_height=draw(st.integers(1, 2)), dilation_width=draw(st.integers(1, 2)),
        pad_top=draw(st.integers(0, 2)), pad_left=draw(st.integers(0, 2)),
    )  # fmt: skip


@given(window=windows(), batches=st.integers(1, 2), channels=st.integers(1, 70), multiplier=st.integers(1, 2))
@settings(deadline=None, max_examples=500, suppress_health_check=list(HealthCheck))
def test_scratch_memory_is_what_the_library_asks_for(
    window: Window, batches: int, channels: int, multiplier: int, library: Path
) -> None:
    asked = ctypes.CDLL(str(library))
    stride, padding, dilation = (
        _Pair(window.stride_width, window.stride_height),
        _Pair(window.pad_left, window.pad_top),
        _Pair(window.dilation_width, window.dilation_height),
    )
    source = _Dims(batches, window.input_height, window.input_width, channels)
    kernel = _Dims(4, window.kernel_height, window.kernel_width, channels)
    result = _Dims(batches, window.output_height, window.output_width, channels * multiplier)
    convolution = _Convolution(0, 0, stride, padding, dilation, _Activation())
    depthwise = _Depthwise(0, 0, multiplier, stride, padding, dilation, _Activation())

    def ask(function: str, parameters: ctypes.Structure) -> int:
        arguments = (parameters, source, kernel, result)
        return int(getattr(asked, function)(*map(ctypes.byref, arguments)))

    assert scratch.convolution(window, channels) == ask("arm_convolve_wrapper_s8_get_buffer_size_dsp", convolution)
    assert scratch.depthwise(window, batches, channels, channels * multiplier) == ask(
        "arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp", depthwise
    )
    assert scratch.average_pool(channels) == asked.arm_avgpool_s8_get_buffer_size_dsp(9, channels)
    assert asked.arm_fully_connected_s8_get_buffer_size_dsp(ctypes.byref(kernel)) == 0


@pytest.mark.parametrize("variant", ["float32", "size"])
def test_float_is_refused_with_the_reason_and_a_way_out(variant: str) -> None:
    with pytest.raises(ModelError, match=r"CONV_2D.*no float kernels.*Choose engine m7"):
        codegen.plan(load(resolve_model(variant)), "cmsis-nn")


def test_a_grouped_convolution_falls_back_on_the_reference_kernel() -> None:
    b = ModelBuilder()
    x = b.activation((1, 4, 4, 4), "INT8", scale=0.1)
    y = b.activation((1, 4, 4, 4), "INT8", scale=0.1)
    b.conv_2d(x, b.constant(np.ones((4, 1, 1, 2), np.int8), scales=[0.1]), None, y)
    (step,) = codegen.plan(parse(b.finish(x, y), "grouped.tflite"), "cmsis-nn").steps
    assert step.call.startswith("reference::conv_2d(")


def test_a_folder_without_the_library_is_refused_with_a_way_out(tmp_path: Path) -> None:
    said = configure(tmp_path / "build", *cross("ENGINE=cmsis-nn", f"CMSIS_NN_SOURCE_DIR={tmp_path}")).stdout
    assert f"{tmp_path} holds no Include/arm_nnfunctions.h" in " ".join(said.split())
    assert "variable CMSIS_NN_SOURCE_DIR to a checkout of github.com/ARM-software/CMSIS-NN" in " ".join(said.split())
