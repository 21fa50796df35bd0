"""What an engine is to the generator, and the one kind that runs generated code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

from renode_mnist.codegen import operators, passes, writer
from renode_mnist.codegen.graph import ElementType, Graph, Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.objective import Objective
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

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """Turns operators into steps.

        Args:
            graph: Has passed ``check``, and the passes that the engine takes.
            objective: What to make small.

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

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """See ``Engine.lower``."""
        for operator in graph.operators:
            self.rule(operator)
        lowering = Lowering(graph, objective)
        steps = tuple(step for operator in graph.operators for step in self._steps(lowering, operator))
        return lowering.program(steps)

    def _steps(self, lowering: Lowering, operator: Operator) -> Iterator[Step]:
        kernel = _kernel(self.package, operators.file_of(operator.op))
        lacking = self._refusal(kernel, operator)
        if kernel is not None and not lacking:
            yield _signed(kernel.lower(lowering, operator), self.name)
        elif operator.fused:
            for part in operator.fused:
                yield from self._steps(lowering, part)
        else:
            step = _signed(operators.definition(operator).lower(lowering, operator), REFERENCE)
            yield step if self.name == REFERENCE else replace(step, fallback=f"no kernel of its own for {lacking}")

    def files(self, plan: Plan) -> dict[str, str]:
        """See ``Engine.files``."""
        return writer.files(plan)


def _signed(step: Step, engine: str) -> Step:
    """The step with what the kernel need not say."""
    return replace(step, engine=engine, macs=sum(map(operators.macs, step.operators)))


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


def made(graph: Graph, engine: Engine, objective: Objective, leave_out: Collection[str]) -> tuple[Graph, Program]:
    """What an engine makes of a network that has passed ``check``.

    Args:
        graph: Of the file.
        engine: Takes it.
        objective: What to make small.
        leave_out: Passes that are not run though the engine takes them.

    Raises:
        ValueError: There is no such pass.
    """
    if unknown := set(leave_out) - set(passes.ORDER):
        raise ValueError(f"there is no pass {', '.join(sorted(unknown))}; there are {', '.join(passes.ORDER)}")
    left_out = {*leave_out, *(passes.SPEND_FLASH if objective is Objective.FLASH else ())}
    wanted = [name for name in engine.passes if name not in left_out]
    rewritten = passes.apply(graph, wanted, engine.kernel)
    return rewritten, engine.lower(rewritten, objective)
