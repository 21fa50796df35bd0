"""What a model holds and needs, as tables."""

from __future__ import annotations

from dataclasses import dataclass

from renode_mnist.images import ImageOptions
from renode_mnist.model.inspect import STACK_BYTES, EngineFacts, ModelFacts, TensorFacts
from renode_mnist.report import grid, html
from renode_mnist.report.grid import Grid

_MOST_DRAWN = 16
"""Steps, a character each: more do not fit beside the figures."""


@dataclass(frozen=True)
class Inspection:
    """A model's facts, to be looked at.

    Attributes:
        facts: All of them.
    """

    facts: ModelFacts

    def __repr__(self) -> str:
        """The operators, and what each engine makes of them."""
        return "\n".join(grid.text(part) for part in (operators(self.facts), engines(self.facts)))

    def _repr_html_(self) -> str:
        usual = self.facts.planned(ImageOptions.engine)
        plan = () if usual.refusal else (html.table(buffers(usual)), html.table(steps(usual)))
        return html.piece(html.table(operators(self.facts)), html.table(engines(self.facts)), *plan)


def operators(facts: ModelFacts) -> Grid:
    """A row an operator."""
    rows = []
    for operator in facts.operators:
        inputs = [facts.tensors[number] for number in operator.inputs if number >= 0]
        outputs = [facts.tensors[number] for number in operator.outputs]
        rows.append(
            (
                operator.op,
                f"{inputs[0].type} {shape_text(inputs[0].shape)}" if inputs else "",
                f"{inputs[1].type} {shape_text(inputs[1].shape)}" if operator.parameters else "",
                f"{outputs[0].type} {shape_text(outputs[0].shape)}" if outputs else "",
                f"{operator.parameters:,}" if operator.parameters else "",
                f"{operator.macs:,}" if operator.macs else "",
            )
        )
    rows.append(("total", "", "", "", f"{facts.parameters:,}", f"{facts.macs:,}"))
    title = f"{facts.name}, {facts.file_bytes:,} B, SHA-256 {facts.sha256[:12]}…"
    headings = ("operator", "input", "weights", "output", "parameters", "MACs")
    return Grid(headings, tuple(rows), labels=4, totals=1, title=title)


def engines(facts: ModelFacts) -> Grid:
    """A row an engine: what it needs of the chip, to the byte where there is an image, or why it refuses."""
    rows, notes = [], []
    for engine in facts.engines:
        if engine.refusal:
            rows.append((engine.engine, "no", *[""] * 5))
            notes.append(f"{engine.engine}: {engine.refusal}")
            continue
        if engine.no_image:
            notes.append(f"{engine.engine}: {engine.no_image}")
        about = "" if engine.image else "~"
        stack_and_all = engine.ram_static_bytes + STACK_BYTES
        rows.append(
            (
                engine.engine,
                "yes" if engine.fits else "no",
                f"{about}{engine.flash_bytes:,}",
                f"{engine.flash_bytes / engine.limits.flash_bytes:.0%}",
                f"{about}{engine.ram_static_bytes:,}",
                f"{stack_and_all / engine.limits.ram_bytes:.0%}",
                f"{'' if engine.exact else '<= '}{engine.arena_bytes:,}",
            )
        )
    if any(not engine.image and not engine.refusal for engine in facts.engines):
        notes.append("~ is expected, from images of other models; `--build` compiles this one and reads its own.")
    notes.append(f"Of RAM's share {STACK_BYTES:,} B are the stack and its guard.")
    limits = facts.engines[0].limits
    headings = (
        "engine",
        "fits",
        "flash, B",
        f"of {_memory(limits.flash_bytes)}",
        "static RAM, B",
        f"of {_memory(limits.ram_bytes)}",
        "arena",
    )
    return Grid(headings, tuple(rows), tuple(notes), labels=2)


def _memory(count: int) -> str:
    return f"{count:,} B" if count % 1024 else f"{count // 1024:,} KiB"


def buffers(engine: EngineFacts) -> Grid:
    """The RAM plan: a row a buffer in the order of their addresses, with the steps in which it may be alive."""
    rows = []
    drawn = len(engine.steps) <= _MOST_DRAWN
    for buffer in sorted(engine.buffers, key=lambda found: (found.offset, found.first)):
        alive = "".join("█" if buffer.first <= step <= buffer.last else "·" for step in range(len(engine.steps)))
        end = buffer.offset + buffer.byte_count
        steps = _ranges(list(range(buffer.first, buffer.last + 1)))
        row = (buffer.name, buffer.layout, f"{buffer.offset:,}", f"{end:,}", f"{buffer.byte_count:,}", steps)
        rows.append((*row, alive) if drawn else row)
    headings = ("buffer", "layout", "from", "to", "bytes", "steps", *([""] if drawn else []))
    state = f"; beside it {engine.state_bytes:,} B that live between inferences" if engine.state_bytes else ""
    title = f"RAM plan of engine {engine.engine}: arena {engine.arena_bytes:,} B{state}"
    return Grid(headings, tuple(rows), title=title, figures=(2, 3, 4))


def tensors(facts: ModelFacts) -> Grid:
    """A row a tensor, with its quantisation."""
    rows = tuple(
        (
            str(tensor.index),
            tensor.name,
            tensor.type,
            shape_text(tensor.shape),
            quantisation(tensor),
            f"{tensor.byte_count:,}",
            "constant" if tensor.constant else "",
        )
        for tensor in facts.tensors
    )
    return Grid(("#", "tensor", "type", "shape", "quantisation", "bytes", ""), rows, figures=(0, 5))


def steps(engine: EngineFacts) -> Grid:
    """A row a step: what computes it, why nothing faster does, and how much RAM is alive in it."""
    most = max(step.live_bytes for step in engine.steps)
    rows = []
    for number, step in enumerate(engine.steps):
        peak = "peak" if step.live_bytes == most else ""
        macs = f"{step.macs:,}" if step.macs else ""
        kernel = f"{step.engine}: {step.kernel}" if step.fallback else step.kernel
        rows.append((str(number), step.op, kernel, macs, f"{step.live_bytes:,} B", peak))
    headings = ("step", "computes", "kernel", "MACs", "alive", "")
    faster = [f"step {number}: {step.faster}" for number, step in enumerate(engine.steps) if step.faster]
    return Grid(headings, tuple(rows), (*fallbacks(engine), *faster), figures=(0, 3, 4))


def fallbacks(engine: EngineFacts) -> list[str]:
    """A line a reason for which steps are left to another engine's kernels, with their numbers."""
    steps: dict[str, list[int]] = {}
    for number, step in enumerate(engine.steps):
        if step.fallback:
            steps.setdefault(step.fallback, []).append(number)
    return [f"step{'s' * (len(numbers) > 1)} {_ranges(numbers)}: {why}" for why, numbers in steps.items()]


def _ranges(numbers: list[int]) -> str:
    """``0, 2-4, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def quantisation(tensor: TensorFacts) -> str:
    """Scale and zero point, or how many there are; empty for what has none."""
    if not tensor.scales:
        return ""
    if len(tensor.scales) > 1:
        return f"{len(tensor.scales)} scales along dimension {tensor.axis}"
    return f"scale {tensor.scales[0]:.6g}, zero point {tensor.zero_points[0]}"


def shape_text(shape: tuple[int, ...]) -> str:
    """``1x28x28x1``."""
    return "x".join(map(str, shape)) or "scalar"
