"""Whether two targets answered the same: to the byte, but for what is allowed to differ."""

from __future__ import annotations

from collections.abc import Iterator

from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.wire.messages import Body, ErrorReport, Inference, Stats

_STATS_THAT_MUST_AGREE = ("protocol_version", "engine", "model_sha256", "input", "output", "max_payload_bytes")
"""The rest describes the image, and may differ where the targets run different builds."""


def answer_differences(left: Body, right: Body) -> Iterator[str]:
    """Tells what differs between two answers to the same request, counters and fault addresses aside."""
    if type(left) is not type(right):
        yield f"{_kind(left)} against {_kind(right)}"
    elif isinstance(left, Inference) and isinstance(right, Inference):
        yield from _inference_differences(left, right)
    elif isinstance(left, ErrorReport) and isinstance(right, ErrorReport):
        if left.code != right.code:
            yield f"error {left.code_name} against {right.code_name}"
    elif isinstance(left, Stats) and isinstance(right, Stats):
        for name in _STATS_THAT_MUST_AGREE:
            if getattr(left, name) != getattr(right, name):
                yield f"{name} {getattr(left, name)} against {getattr(right, name)}"


def counter_differences(
    left: Inference, right: Inference, left_target: TargetIdentity, right_target: TargetIdentity
) -> Iterator[str]:
    """Tells where two targets that both count instructions counted differently, layer by layer.

    Targets that count something else are not comparable and yield nothing. Two counters that advance in steps may
    differ by both steps.
    """
    if not (left_target.counter_unit is right_target.counter_unit is CounterUnit.INSTRUCTIONS):
        return
    allowed = sum(target.counter_step for target in (left_target, right_target) if target.counter_step > 1)
    for index, (mine, theirs) in enumerate(zip(left.layers, right.layers, strict=False)):
        if abs(mine.counter - theirs.counter) > allowed:
            yield (
                f"layer {index} ({mine.op}): {mine.counter:,} against {theirs.counter:,} instructions, "
                f"more than {allowed} apart"
            )


def _inference_differences(left: Inference, right: Inference) -> Iterator[str]:
    steps = [(layer.name, layer.op, layer.macs) for layer in left.layers]
    if steps != [(layer.name, layer.op, layer.macs) for layer in right.layers]:
        yield f"layers {[op for _, op, _ in steps]} against {[layer.op for layer in right.layers]}"
    if left.winner != right.winner:
        yield f"class {left.winner} against {right.winner}"
    if left.tensor != right.tensor:
        first = next(
            (i for i, pair in enumerate(zip(left.tensor, right.tensor, strict=False)) if pair[0] != pair[1]),
            min(len(left.tensor), len(right.tensor)),
        )
        yield f"output tensor from byte {first} on: {left.tensor.hex(' ')} against {right.tensor.hex(' ')}"
    elif left.scores.tobytes() != right.scores.tobytes():
        yield f"scores {left.scores} against {right.scores}"


def _kind(body: Body) -> str:
    return f"error {body.code_name}" if isinstance(body, ErrorReport) else type(body).__name__
