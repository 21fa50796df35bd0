"""Whether two targets answered the same: to the byte, but for what is allowed to differ."""

from __future__ import annotations

from collections.abc import Iterator

from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.wire.messages import Body, ErrorReport, Inference, OutputPiece, RunDone, Stats

_STATS_THAT_MUST_AGREE = ("protocol_version", "engine", "model_sha256", "inputs", "outputs", "max_payload_bytes")
"""The rest describes the image, and may differ where the targets run different builds."""

_SHOWN_BYTES = 8


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
    elif isinstance(left, OutputPiece) and isinstance(right, OutputPiece):
        what = f"output {left.index}"
        if (left.index, left.offset) != (right.index, right.offset):
            yield f"{what} at byte {left.offset} against output {right.index} at byte {right.offset}"
        else:
            yield from _content_differences(what, left.content, right.content, left.offset)
    elif isinstance(left, RunDone) and isinstance(right, RunDone):
        if len(left.layer_counters) != len(right.layer_counters):
            yield f"{len(left.layer_counters)} layers against {len(right.layer_counters)}"
    elif left != right:
        yield f"{left} against {right}"


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
    if len(left.tensors) != len(right.tensors):
        yield f"{len(left.tensors)} outputs against {len(right.tensors)}"
    elif left.tensors != right.tensors:
        for index, (mine, theirs) in enumerate(zip(left.tensors, right.tensors, strict=True)):
            what = f"output tensor {index}" if len(left.tensors) > 1 else "output tensor"
            yield from _content_differences(what, mine, theirs)
    elif left.scores.tobytes() != right.scores.tobytes():
        yield f"scores {left.scores} against {right.scores}"


def _content_differences(what: str, mine: bytes, theirs: bytes, offset: int = 0) -> Iterator[str]:
    """The first byte that differs, and the eight from there on."""
    if mine == theirs:
        return
    pairs = enumerate(zip(mine, theirs, strict=False))
    first = next((i for i, pair in pairs if pair[0] != pair[1]), min(len(mine), len(theirs)))
    shown = [content[first : first + _SHOWN_BYTES].hex(" ") or "nothing" for content in (mine, theirs)]
    yield f"{what} from byte {offset + first} on: {shown[0]} against {shown[1]}"


def _kind(body: Body) -> str:
    return f"error {body.code_name}" if isinstance(body, ErrorReport) else type(body).__name__
