"""Runs samples of operators on the real runtimes and on the engines, and says where they differ."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from apart import apart
from host_batch import HostBatch, program_text
from renode_mnist import codegen
from renode_mnist.codegen import operators as definitions
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    FLOAT32,
    HYBRID,
    Declared,
    Deviates,
    Differs,
    Exemption,
    Flow,
    Refused,
    Sample,
    Silent,
    Undefined,
)
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from runtimes import Tensors, litert_on, tflite_micro_on
from sample_networks import USUAL, Case, cases

REFUSED_TYPES = {
    "cmsis-nn": {FLOAT32: "no float kernels", HYBRID: "no float kernels"},
    "tflm": {HYBRID: "no hybrid kernels"},
}
"""By engine: types that it does not compute, and a piece of what it says."""

TOLERANCES = {"reference": 1e-6, "m7": 1e-5, "tflm": 1e-5}
"""Of float32, against TensorFlow Lite Micro: relative, and absolute in units of the largest result."""
_HYBRID_TOLERANCE = 1e-5

ORACLES = {"tflite-micro": tflite_micro_on, "litert": litert_on}


@functools.cache
def operators() -> tuple[str, ...]:
    """All that the package computes, by TensorFlow Lite's names, but what makes no network by itself."""
    return tuple(operator for operator in definitions.supported() if _declared(operator))


def _declared(operator: str) -> Declared:
    definition = definitions.find(operator)
    assert definition is not None
    return definition.samples()


@functools.cache
def samples(operator: str) -> tuple[Sample, ...]:
    """What an operator is to compute."""
    found = (entry for entry in _declared(operator) if isinstance(entry, Sample))
    return tuple(sample for sample in found if not sample.only or operator in sample.only)


@functools.cache
def refused(operator: str) -> tuple[Refused, ...]:
    """What it is to refuse."""
    found = (entry for entry in _declared(operator) if isinstance(entry, Refused))
    return tuple(entry for entry in found if not entry.sample.only or operator in entry.sample.only)


@functools.cache
def networks(operator: str) -> tuple[Case, ...]:
    """The networks of an operator's samples; made once."""
    return tuple(cases(operator, samples(operator)))


@dataclass(frozen=True)
class Answer:
    """What the runtimes say of one set of inputs.

    Attributes:
        results: By runtime; without those that do not answer.
        exempt: Those of the sample's exemptions that are about these inputs.
    """

    results: dict[str, Tensors]
    exempt: tuple[Exemption, ...]

    @property
    def wanted(self) -> Tensors | None:
        """TensorFlow Lite Micro's results, or LiteRT's where only that answers; None where nothing is defined."""
        undefined = [entry.runtime for entry in self.exempt if isinstance(entry, Undefined)]
        if undefined:
            return next((found for name, found in self.results.items() if undefined[0] not in ("", name)), None)
        return self.results.get("tflite-micro") or self.results["litert"]


@functools.cache
def answers(operator: str) -> dict[tuple[Case, str], Answer]:
    """What the runtimes answer to each set of inputs of each network."""
    runs = [(case, pattern) for case in networks(operator) for pattern in case.inputs]
    results: dict[tuple[Case, str], dict[str, Tensors]] = {run: {} for run in runs}
    for name, ask in ORACLES.items():
        asked = [run for run in runs if not (name == "tflite-micro" and run[0].type == HYBRID)]
        found = apart(_ask, [(ask, case.content, case.inputs[pattern]) for case, pattern in asked])
        for run, tensors in zip(asked, found, strict=True):
            if tensors is not None:
                results[run][name] = tensors
    return {run: _answer(*run, results[run]) for run in runs}


def _ask(ask: Callable[..., list[Tensors]], content: bytes, inputs: Tensors) -> Tensors | None:
    with contextlib.suppress(RuntimeError, ValueError):
        return ask(content, [inputs])[0]
    return None


def _answer(case: Case, pattern: str, results: dict[str, Tensors]) -> Answer:
    assert results, f"{case} {pattern}: no runtime answers"
    exempt = [entry for entry in case.sample.exempt if fnmatchcase(case.where(pattern), entry.where)]
    return Answer(results, tuple(exempt))


def disagreements(operator: str) -> Iterator[str]:
    """Where the runtimes differ and the samples do not say so, or agree where samples say they do not.

    What LiteRT's optimised kernels do otherwise its reference kernels, which TensorFlow Lite Micro shares, do not.
    """
    met: set[Exemption] = set()
    for (case, pattern), answer in answers(operator).items():
        met.update(entry for entry in answer.exempt if isinstance(entry, Undefined))
        for runtime in ORACLES:
            silent = [e for e in answer.exempt if isinstance(e, Silent) and e.runtime == runtime]
            if runtime not in answer.results and not (runtime == "tflite-micro" and case.type == HYBRID):
                met.update(silent)
                if not silent:
                    yield f"{case} {pattern}: {runtime} does not answer"
        undefined = any(isinstance(entry, Undefined) for entry in answer.exempt)
        if answer.wanted is None or undefined or len(answer.results) < 2:
            continue
        steps = max(map(difference, answer.results["litert"], answer.results["tflite-micro"]))
        if steps:
            allowed = [entry for entry in answer.exempt if isinstance(entry, Differs)]
            met.update(allowed)
            if not any(entry.most is None or steps <= entry.most for entry in allowed):
                yield f"{case} {pattern}: LiteRT differs by {steps:g} from TensorFlow Lite Micro"
            plain = litert_on(case.content, [case.inputs[pattern]], reference=True)[0]
            shared = not any(entry.plain for entry in allowed)
            if shared and any(map(difference, plain, answer.results["tflite-micro"])):
                yield f"{case} {pattern}: LiteRT's reference kernels differ from TensorFlow Lite Micro too"
    declared = {e for sample in samples(operator) for e in sample.exempt if not isinstance(e, Deviates)}
    yield from (f"{entry} is no longer so" for entry in declared - met)


def difference(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Largest difference of stored numbers; of real ones 0 where they are as close as engine `reference` must be."""
    if a.dtype.kind == "f":
        return 0.0 if _close(a, b, TOLERANCES["reference"]).all() else float("inf")
    return float(np.abs(a.astype(np.int64) - b.astype(np.int64)).max(initial=0))


def _close(got: npt.NDArray[Any], wanted: npt.NDArray[Any], tolerance: float) -> npt.NDArray[np.bool_]:
    """Whether float32 results are close enough; NaN must be where it is wanted.

    Here the largest float32 numbers are infinite: the runtimes clamp to them what has no activation, engines do not.
    """
    most = np.finfo(np.float32).max
    got, wanted = got.clip(-most, most), wanted.clip(-most, most)
    usual = np.abs(wanted[np.abs(wanted) < most])
    return np.isclose(got, wanted, rtol=tolerance, atol=tolerance * usual.max(initial=0), equal_nan=True)


@functools.cache
def plans(operator: str, engine: str) -> tuple[tuple[Case, str, Plan | ModelError], ...]:
    """Each network's plan in every objective, with its key, or why the engine refuses it."""
    return tuple(_plans(operator, engine))


def _plans(operator: str, engine: str) -> Iterator[tuple[Case, str, Plan | ModelError]]:
    objectives = tuple(codegen.Objective) if engine == "m7" else (codegen.Objective.TIME,)
    for case in networks(operator):
        for objective in objectives:
            key = f"{case} {objective.value}"
            try:
                yield case, key, codegen.plan(parse(case.content, "sample.tflite"), engine, codegen.Aim(objective))
            except ModelError as error:
                yield case, key, error


def refusals(operator: str, engine: str) -> Iterator[str]:
    """Where an engine refuses a network that it is to compute, or the other way round."""
    for case, key, plan in plans(operator, engine):
        says = _refusal(case, engine)
        if isinstance(plan, ModelError):
            if says is None or says not in str(plan):
                yield f"{key}: refused: {plan}"
        elif says is not None:
            yield f"{key}: is not refused"


def _refusal(case: Case, engine: str) -> str | None:
    """What the engine is to say when it refuses a network; None where it is to compute it."""
    return case.sample.refused_by.get(engine) or REFUSED_TYPES.get(engine, {}).get(case.type)


def mistakes(operator: str, engine: str, **how: Any) -> Iterator[str]:
    """Where an engine, built for this PC, does not do what it should with an operator's samples.

    Args:
        operator: TensorFlow Lite's name.
        engine: One that runs generated code.
        how: As `HostBatch` has it.
    """
    yield from refusals(operator, engine)
    built: dict[str, Plan] = {}
    keys: list[tuple[Case, str]] = []
    # What comes to the same C++ is compiled and run once; what is engine reference's is tested there.
    same = {program_text(plan): key for _, key, plan in plans(operator, "reference") if isinstance(plan, Plan)}
    known = {} if engine == "reference" else dict(same)
    for case, key, plan in plans(operator, engine):
        if isinstance(plan, Plan) and (text := program_text(plan)) not in known:
            known[text] = key
            built[key] = plan
            keys.append((case, key))
    met: set[Exemption] = set()
    runs = [
        (case, key, pattern)
        for case, key in keys
        for pattern in case.inputs
        if answers(operator)[case, pattern].wanted is not None
    ]
    results: list[Tensors | None] = []
    if runs:
        batch = HostBatch(f"{operator.lower()}-{engine}", built, **how)
        results = apart(batch, [(key, case.inputs[pattern]) for case, key, pattern in runs])
    for (case, key, pattern), got in zip(runs, results, strict=True):
        if got is None:
            yield f"{key} {pattern}: ends the program, perhaps by a trap of what C++ leaves undefined"
            continue
        answer = answers(operator)[case, pattern]
        assert answer.wanted is not None
        deviates = [e for e in answer.exempt if isinstance(e, Deviates) and e.engine == engine]
        if wrong := compare(got, answer.wanted, tolerance(case, engine)):
            met.update(deviates)
            if not deviates:
                yield f"{key} {pattern}: {wrong}"
    declared = {e for s in samples(operator) for e in s.exempt if isinstance(e, Deviates) and e.engine == engine}
    yield from (f"{entry} is no longer so" for entry in declared - met)


def tolerance(case: Case, engine: str) -> float:
    """Of float32 results."""
    return _HYBRID_TOLERANCE if case.type == HYBRID else TOLERANCES.get(engine, 0.0)


def compare(got: Tensors, wanted: Tensors, tolerance: float) -> str:
    """What is wrong with the results; empty where nothing is."""
    for mine, theirs in zip(got, wanted, strict=True):
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return f"{mine.dtype} {mine.shape} instead of {theirs.dtype} {theirs.shape}"
        right = _close(mine, theirs, tolerance) if mine.dtype.kind == "f" else mine == theirs
        if not right.all():
            where = tuple(np.argwhere(~right)[0].tolist())
            return f"{np.count_nonzero(~right)} differ, {mine[where]} instead of {theirs[where]} at {list(where)}"
    return ""


def cmsis_nn(sources: Path, library: Path) -> dict[str, Any]:
    """What `mistakes` needs for engine `cmsis-nn`."""
    return {"more": ("-isystem", sources / "Include", library, f"-Wl,-rpath,{library.parent}")}


def has(operator: str, kind: str) -> bool:
    """Whether an operator has samples that begin with that type and may stand in a chain."""
    return any(
        (kind in sample.types and not _leaves(sample, kind)) or _flows(sample) == [kind]
        for sample in samples(operator)
    )


def micro_has(operator: str, kind: str) -> bool:
    """Whether TensorFlow Lite Micro answers any sample that begins with that type."""

    def answers(sample: Sample) -> bool:
        silent = any(isinstance(e, Silent) and e.runtime == "tflite-micro" for e in sample.exempt)
        return not silent and not _leaves(sample, kind) and (kind in sample.types or _flows(sample) == [kind])

    return any(map(answers, samples(operator)))


def _leaves(sample: Sample, kind: str) -> bool:
    """Whether a sample of that type has results of another, such as indices, which no other sample could read."""
    return kind in sample.types and sample.outputs[0].type not in ("", kind)


def in_a_chain(operator: str, kind: str, engine: str) -> list[Sample]:
    """Samples that one network of that type can hold one behind the other: what leaves the type only as the last."""
    links, ends = [], []
    for sample in samples(operator):
        silent = any(_leaves_open(e, kind) for e in sample.exempt)
        single = len(sample.outputs) == len(_flows(sample)) == 1 and not _leaves(sample, kind)
        if engine in sample.refused_by or silent or not single or not _tells(operator, sample):
            continue
        if kind in sample.types and _flows(sample)[0] in ("", kind):
            links.append(sample)
        elif DECLARED in sample.types and _flows(sample) == [kind]:
            (links if sample.outputs[0].type == kind else ends).append(sample)
    return links + ends[:1]


def _leaves_open(entry: Exemption, kind: str) -> bool:
    """Whether TensorFlow Lite Micro's answers in that type, some at least, are none to be compared with."""
    if isinstance(entry, Undefined) and not entry.runtime:
        return fnmatchcase(f"{kind}/{USUAL.name}/random", entry.where)
    return isinstance(entry, Silent | Undefined) and entry.runtime == "tflite-micro"


def _tells(operator: str, sample: Sample) -> bool:
    """Whether what a sample answers depends on its input."""
    for case in networks(operator):
        if case.sample is sample and case.edge == USUAL.name:
            one, other = (answers(operator)[case, key].wanted for key in ("random", "random again"))
            if one is not None and other is not None and np.array_equal(one[0], other[0]):
                return False
    return True


def _flows(sample: Sample) -> list[str]:
    return [entry.type for entry in sample.inputs if isinstance(entry, Flow)]
