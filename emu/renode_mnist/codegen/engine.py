"""What an engine is to the generator, and the one kind that runs generated code."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from renode_mnist.codegen import operators, passes, planning, selection, writer
from renode_mnist.codegen.candidate import Candidate, only
from renode_mnist.codegen.graph import ElementType, Graph, Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.objective import Aim, Objective
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.program import Program, Step

REFERENCE = "reference"
"""The engine whose kernels serve where another has none: those of the operators' own files."""


class Engine(Protocol):
    """What stands as ``ENGINE`` in ``<folder>/engine.py``."""

    @property
    def name(self) -> str:
        """As in ``--engine``."""

    @property
    def interprets(self) -> bool:
        """Whether it reads the file itself, so that it computes each of its operators as it stands there."""

    @property
    def passes(self) -> Collection[str]:
        """Names of the rewrites that it takes, of ``passes.ORDER``."""

    def kernel(self, operator: Operator) -> Kernel | None:
        """Its own kernel that takes an operator."""

    def lower(self, graph: Graph, aim: Aim) -> Program:
        """Turns operators into steps.

        Args:
            graph: Has passed ``check``, and the passes that the engine takes.
            aim: What to make small, within what.

        Raises:
            ModelError: This engine can't compute it; names the operator, the tensor, and what works instead.
        """

    def files(self, plan: Plan) -> dict[str, str]:
        """The C++ of a plan, by file name."""


def _anything(operator: Operator) -> None:
    pass


@dataclass(frozen=True)
class AheadOfTime:
    """An engine that runs generated code: the kernels in its folder, and the reference kernels for the rest.

    Attributes:
        name: As in ``--engine``.
        package: The folder with its kernels, one file an operator.
        passes: Names of the rewrites that it takes.
        interprets: Always false.
        rule: Raises ``ModelError`` for an operator that it will not compute, not even by a reference kernel.
    """

    name: str
    package: str
    passes: Collection[str] = ()
    interprets: bool = False
    rule: Callable[[Operator], None] = _anything

    def kernel(self, operator: Operator) -> Kernel | None:
        """Its own kernel that takes an operator; none takes a constant in the place of what flows."""
        kernel = _kernel(self.package, operators.file_of(operator.op))
        return None if self._refusal(kernel, operator) else kernel

    def _refusal(self, kernel: Kernel | None, operator: Operator) -> str:
        """What there is no kernel of its own for; empty where there is one."""
        if kernel is None:
            return operator.op
        if operator.input.is_constant:
            return "a constant in the place of what flows"
        if any(tensor is not None and tensor.type is ElementType.INT4 for tensor in operator.inputs):
            return "weights of 4 bits"
        if operator.fused and tuple(part.op for part in operator.parts[1:]) not in kernel.fuses:
            return "+".join(part.op for part in operator.parts)
        kind = operators.kind(operator.parts[0])
        return kernel.refuses(operator) if kind in kernel.kinds else kind.value

    def lower(self, graph: Graph, aim: Aim) -> Program:
        """See ``Engine.lower``."""
        for operator in graph.operators:
            self.rule(operator)
        lowering = Lowering(graph, aim.objective)
        layers = [layer for operator in graph.operators for layer in self._layers(lowering, operator)]
        candidates = [
            [way for way in layer.candidates if way.kernel == aim.kernel] or layer.candidates for layer in layers
        ]
        choice = free = selection.select(candidates, replace(aim, flash_bytes=None))
        steps = [layer.step(way) for layer, way in zip(layers, free, strict=True)]
        caps = _caps(lowering.program(steps), candidates, aim)
        bound = selection.bound(free, aim, caps)
        if bound:
            choice = selection.select(candidates, aim, caps)
            steps = [
                step if way is before else layer.step(way)
                for layer, way, before, step in zip(layers, choice, free, steps, strict=True)
            ]
        told = [
            replace(step, faster=selection.faster(ways, way, aim.objective))
            for step, ways, way in zip(steps, candidates, choice, strict=True)
        ]
        return replace(lowering.program(told), notes=selection.given_up(free, choice, aim, bound))

    def _layers(self, lowering: Lowering, operator: Operator) -> Iterator[_Layer]:
        kernel = _kernel(self.package, operators.file_of(operator.op))
        lacking = self._refusal(kernel, operator)
        if kernel is not None and not lacking:
            yield _Layer(tuple(kernel.ways(lowering, operator)), self.name)
        elif operator.fused:
            for part in operator.fused:
                yield from self._layers(lowering, part)
        else:
            definition = operators.definition(operator)
            falls_back = self.name != REFERENCE and operators.kind(operator) not in definition.fast_in
            why = f"no kernel of its own for {lacking}" if falls_back else ""
            yield _Layer(tuple(only(definition.lower)(lowering, operator)), REFERENCE, why)

    def files(self, plan: Plan) -> dict[str, str]:
        """See ``Engine.files``."""
        return writer.files(plan)


@dataclass(frozen=True)
class _Layer:
    """What will be a step.

    Attributes:
        candidates: The ways to compute it.
        engine: Whose kernels they are.
        fallback: See ``Step.fallback``.
    """

    candidates: Sequence[Candidate]
    engine: str
    fallback: str = ""

    def step(self, way: Candidate) -> Step:
        """What one of the candidates makes, with what it need not say itself."""
        step = way.build()
        return replace(
            step,
            engine=self.engine,
            fallback=self.fallback,
            macs=sum(map(operators.macs, step.operators)),
            kernel=way.kernel or _called(step),
        )


def _called(step: Step) -> str:
    """The function that a step calls, without namespace and template arguments."""
    found = re.match(r"(?:\w+::)*(\w+)", step.call)
    return found[1] if found else step.call


_FAST_BYTES = 64 * 1024 - 8448
"""Of the arena, that lie in DTCM: behind stack and guard (firmware/board/stm32f746.ld). What lies beyond is cached,
and costs that candidates state are of scratch memory that is not."""
_ALL = 1 << 32
_WORTH = 100
"""The part of the smallest arena that is given away for time: the digits' second layer takes 25 % longer for 8 B."""


def _caps(program: Program, candidates: Sequence[Sequence[Candidate]], aim: Aim) -> list[int]:
    """Bytes of scratch memory that each layer may take beside the activations that are alive while it runs."""
    live = planning.live_bytes(program)
    beside = [
        count - sum(buffer.byte_count for buffer in step.scratch)
        for count, step in zip(live, program.steps, strict=True)
    ]
    needed = [count + min(way.scratch_bytes for way in ways) for count, ways in zip(beside, candidates, strict=True)]
    least = max(needed)
    if aim.objective is Objective.RAM:
        return [least + least // _WORTH - count for count in beside]
    limit = _ALL if aim.arena_bytes is None else max(aim.arena_bytes, least)
    # What cannot be in DTCM as a whole need not be kept small for it.
    return [
        (min(limit, _FAST_BYTES) if whole <= _FAST_BYTES else limit) - count
        for whole, count in zip(needed, beside, strict=True)
    ]


@cache
def _kernel(package: str, file: str) -> Kernel | None:
    """What stands as ``KERNEL`` in the file of an engine's folder that is named as the operator's own."""
    found = found_in(package, file, "KERNEL")
    assert found is None or isinstance(found, Kernel)
    return found


@cache
def _modules(package: str) -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__))


def found_in(package: str, file: str, name: str) -> object:
    """What a file of an engine's folder holds under a name; None where there is no such file, or nothing in it."""
    if file not in _modules(package):
        return None
    return getattr(importlib.import_module(f"{package}.{file}"), name, None)


def made(graph: Graph, engine: Engine, aim: Aim, leave_out: Collection[str]) -> tuple[Graph, Program]:
    """What an engine makes of a network that has passed ``check``.

    Args:
        graph: Of the file.
        engine: Takes it.
        aim: What to make small, within what.
        leave_out: Passes that are not run though the engine takes them.

    Raises:
        ValueError: There is no such pass.
    """
    if unknown := set(leave_out) - set(passes.ORDER):
        raise ValueError(f"there is no pass {', '.join(sorted(unknown))}; there are {', '.join(passes.ORDER)}")
    left_out = {*leave_out, *passes.SPENT.get(aim.objective, ())}
    wanted = [name for name in engine.passes if name not in left_out]
    rewritten = passes.apply(graph, wanted, engine.kernel)
    return rewritten, engine.lower(rewritten, aim)
