"""Verifies an image on a target: finds its plan, a yardstick, and a way to look into it; and what to verify it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from renode_mnist import codegen, outside
from renode_mnist.codegen import reader
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.planning import Plan
from renode_mnist.errors import EnvironmentProblem, ModelError, TargetError
from renode_mnist.images import BuildConfig, aim, build
from renode_mnist.measure import layer_tensors, verify
from renode_mnist.measure.host_yardstick import HostYardstick
from renode_mnist.measure.quantisation_error import FloatModel
from renode_mnist.measure.verify import Verification
from renode_mnist.model import golden, yardstick
from renode_mnist.model.difference import FLOAT_BOUND_ULP
from renode_mnist.model.golden import GoldenVectors
from renode_mnist.model.inputs import Samples
from renode_mnist.model.yardstick import LacksKernel, LiteRt, LiteRtDefault, Yardstick
from renode_mnist.session.opening import open_session
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions

UNCHANGED_IMAGE_TARGET = "embedded"
"""Where tensors are read from the memory of an image that is nothing but the firmware."""


def verify_image(
    config: BuildConfig,
    target: str,
    options: TargetOptions,
    samples: Samples,
    *,
    elf: Path | None = None,
    against: Path | None = None,
    float_bound_ulp: float = FLOAT_BOUND_ULP,
    progress: Callable[[str, int, int], None] = lambda doing, done, count: None,
) -> Verification:
    """Runs samples through an image and through the best yardstick that there is.

    Args:
        config: What to build; with ``elf`` what that was built from.
        target: Where to run it.
        options: Of the target.
        samples: What to ask.
        elf: An image that is there already.
        against: The float model that the network was quantised from: ``.tflite`` or ``.keras``.
        float_bound_ulp: See `verify.verify`.
        progress: Told what is being done, how many samples are, and of how many.

    Raises:
        RenodeMnistError: The model, the build or the target refuses, or there is no yardstick.
    """
    content = config.model.read_bytes()
    graph = codegen.load(config.model)
    plan = codegen.plan(graph, config.engine, aim(config))
    float_model = _float_model(against) if against is not None else None
    if target != UNCHANGED_IMAGE_TARGET and elf is None and layer_tensors.seen_tensors(plan):
        config = replace(config, trace=True)
    progress(f"building {config.name}", 0, 0)
    image = elf or build(config).elf
    progress("opening the yardstick", 0, 0)

    def held_to(judge: Yardstick) -> Verification:
        done = count(0)
        with open_session(target, image, options) as session:
            _check(session, graph, plan, config)
            return verify.verify(
                graph,
                plan,
                layer_tensors.observer(session, plan, image),
                session.check(),
                judge,
                samples,
                float_bound_ulp=float_bound_ulp,
                default_runtime=LiteRtDefault(content, graph) if isinstance(judge, LiteRt) else None,
                against=float_model,
                progress=lambda sample: progress(f"running {sample}", next(done), len(samples.sets)),
            )

    with open_yardstick(config, content, graph) as judge:
        found = held_to(judge)
    if isinstance(judge, LiteRt) and (reason := yardstick.rounds_once(graph)) and _is_a_step_in_dense(found):
        progress("opening another yardstick", 0, 0)
        with suppress(EnvironmentProblem), HostYardstick(config.model, reason) as host:
            return held_to(host)
    return found


def _is_a_step_in_dense(found: Verification) -> bool:
    """Whether firmware and yardstick part by no more than a step, in a dense layer."""
    if found.first is None or found.first.row.op != "FULLY_CONNECTED":
        return False
    difference = found.first.row.difference
    return difference is not None and difference.most_units <= 1


def golden_vectors(config: BuildConfig, content: bytes, graph: Graph, samples: Samples) -> GoldenVectors:
    """Samples with the answers of the best yardstick that there is.

    Where LiteRT's rounding makes a difference, and this PC has a compiler, that is engine ``reference``.

    Raises:
        EnvironmentProblem: There is no yardstick.
    """
    with open_yardstick(config, content, graph) as judge:
        made = golden.make(graph, samples, judge)
    if isinstance(judge, LiteRt) and (reason := yardstick.rounds_once(graph)):
        with suppress(EnvironmentProblem), HostYardstick(config.model, reason) as host:
            twice = golden.make(graph, samples, host)
            return made if made.answers_as(twice) else twice
    return made


@contextmanager
def open_yardstick(config: BuildConfig, content: bytes, graph: Graph) -> Iterator[Yardstick]:
    """LiteRT's reference kernels where they are installed and fit, else engine ``reference`` on this PC.

    Raises:
        EnvironmentProblem: There is neither.
    """
    if reason := yardstick.unfit(graph):
        with HostYardstick(config.model, f"LiteRT can't judge this model: {reason}") as host:
            yield host
        return
    try:
        judge: Yardstick = LiteRt(content, graph)
    except LacksKernel as lacking:
        with HostYardstick(config.model, lacking.what) as host:
            yield host
    except EnvironmentProblem as missing:
        try:
            host = HostYardstick(config.model, "LiteRT is not installed")
        except EnvironmentProblem as also_missing:
            raise EnvironmentProblem(
                f"there is no yardstick: {missing} Nor engine reference: {also_missing}"
            ) from None
        with host:
            yield host
    else:
        yield judge


def _float_model(file: Path) -> FloatModel:
    if file.suffix in (".keras", ".h5"):
        from renode_mnist.model import export, keras_file

        content = export.convert(keras_file.load(file), "float32")
    else:
        try:
            content = outside.content(file)
        except OSError as error:
            raise ModelError(
                f"cannot read {file}: {error.strerror}", "Give the .tflite or .keras file of the float model."
            ) from None
    graph = reader.parse(content, file.name)
    return FloatModel(file.name, graph, LiteRt(content, graph))


def _check(session: Session, graph: Graph, plan: Plan, config: BuildConfig) -> None:
    """Refuses an image of something else, whose memory would be misread."""
    firmware = session.firmware
    if firmware.model_sha256 != graph.sha256:
        raise TargetError(
            f"the firmware holds {firmware.model_name} (SHA-256 {firmware.model_sha256[:12]}…), not {graph.name} "
            f"(SHA-256 {graph.sha256[:12]}…)",
            "Leave --elf out, or load the image: `--flash openocd`.",
        )
    # Not by names, which an image cuts short.
    steps = [(step.op, step.macs) for step in plan.steps]
    running = [(layer.op, layer.macs) for layer in session.client.layers()]
    if running != steps or (plan.engine in codegen.ENGINES and firmware.arena_bytes != plan.arena_bytes):
        raise TargetError(
            f"the firmware's steps or memory are not those of engine {config.engine} for {config.objective}",
            "Give --engine and --objective as the image was built, or leave --elf out.",
        )
