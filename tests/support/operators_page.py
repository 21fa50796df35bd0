"""Makes docs/operators.md of the operators' definitions and samples: `make docs-tables`.

What the page says of types, engines and refusals is what the samples come to, so that a test has held it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from renode_mnist import codegen, paths
from renode_mnist.codegen import operators as definitions
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    FLOAT32,
    HYBRID,
    INT8,
    INT16,
    Deviates,
    Differs,
    Flow,
    Sample,
    Silent,
    Undefined,
    Weights,
)
from renode_mnist.codegen.program import Step
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from sample_engines import REFUSED_TYPES, networks, operators, refused, samples
from sample_networks import USUAL

PAGE = "operators.md"
_NAMES = {FLOAT32: "float32", INT8: "int8", INT16: "int16x8", HYBRID: "dynamic range"}
_ENGINES = ("m7", "cmsis-nn")

_HEAD = """# Operators

Made by `make docs-tables` from `emu/renode_mnist/codegen/operators/`, one file an operator; do not edit. What it says
is held by `tests/codegen/test_operators.py`: every operator on small networks, each engine against TensorFlow Lite
Micro and LiteRT, in int8 and int16x8 to the bit.

*int8* includes models whose input and output are uint8. *int4 weights* meet int8 activations. *int16x8* is int16
activations, with int8 weights where there are some. *Dynamic range* is float32 that meets int8 weights.
`reference` computes everything below; where another engine has no kernel of its own, that of `reference` serves.
`tflm` runs TensorFlow Lite Micro's own kernels.
{refusals}

"All but" names samples in the operator's file.

Of every operator activations of other types are refused (int4, float16), and int16 where int16x8 is not listed.

At build time only, of constants, shapes and handles: {build_time}.

"""


def page() -> str:
    """The page's text."""
    refusals = " ".join(
        f"`{engine}` refuses {_list(_NAMES[kind] for kind in kinds)}." for engine, kinds in REFUSED_TYPES.items()
    )
    build_time = set(definitions.known()) - set(definitions.supported())
    rows = ["| operator | types | " + " | ".join(f"kernels of `{engine}`" for engine in _ENGINES) + " |"]
    rows.append("| --- | --- |" + " --- |" * len(_ENGINES))
    for operator in definitions.supported():
        engines = (", ".join(kernels(operator, engine)[0]) or "-" for engine in _ENGINES)
        rows.append(f"| [{operator}](#{operator.lower()}) | {', '.join(types(operator))} | {' | '.join(engines)} |")
    sections = (
        f"\n## {operator}\n" + "".join(f"- {line}\n" for line in _lines(operator))
        for operator in definitions.supported()
    )
    return (
        _HEAD.format(refusals=refusals, build_time=_list(sorted(build_time)))
        + "\n".join(rows)
        + "\n"
        + "".join(sections)
    )


def types(operator: str) -> list[str]:
    """What an operator takes, in words."""
    if operator not in operators():
        definition = definitions.find(operator)
        assert definition is not None
        return [kind.value for kind in definition.kinds]
    order = [*_NAMES, DECLARED]
    found = [(order.index(kind), _type(sample, kind)) for sample in samples(operator) for kind in sample.types]
    return list(dict.fromkeys(name for _, name in sorted(found, key=lambda entry: entry[0])))


def _type(sample: Sample, kind: str) -> str:
    if any(isinstance(entry, Weights) and entry.type == "INT4" for entry in sample.inputs):
        return "int4 weights"
    if kind != DECLARED:
        return _NAMES[kind]
    source = next(entry for entry in sample.inputs if isinstance(entry, Flow))
    return f"{source.type.lower()} to {sample.outputs[0].type.lower()}"


@functools.cache
def kernels(operator: str, engine: str) -> tuple[list[str], list[str]]:
    """Types for which an engine has a kernel of its own, and samples of those types for which it has none."""
    own: dict[str, list[bool]] = {}
    named: dict[str, list[str]] = {}
    for made in networks(operator):
        if made.type not in made.sample.types or made.edge != USUAL.name:
            continue
        try:
            plan = codegen.plan(parse(made.content, "sample.tflite"), engine)
        except ModelError:
            continue
        name = _type(made.sample, made.type)
        steps = [step for step in plan.steps if any(entry.op == operator for entry in step.operators)]
        mine = any(_is_own(step, engine) for step in steps)
        own.setdefault(name, []).append(mine)
        if not mine:
            named.setdefault(name, []).append(made.sample.name)
    having = [name for name, found in own.items() if any(found)]
    return having, list(dict.fromkeys(sample for name in having for sample in named.get(name, ())))


def _is_own(step: Step, engine: str) -> bool:
    return any(header.startswith(f"engine/{engine.replace('-', '_')}/") for header in step.headers)


def _lines(operator: str) -> Iterator[str]:
    definition = definitions.find(operator)
    assert definition is not None
    if definition.remark:
        yield f"Taken: {definition.remark}."
    for engine in _ENGINES:
        having, without = kernels(operator, engine)
        if having and without:
            yield f"Kernels of `{engine}`: all but {_list(map(repr, without))}."
    if reasons := [entry.what for entry in refused(operator)]:
        yield f"Refused: {'; '.join(reasons)}."
    # What a neighbour does is told of the neighbour.
    alone = [sample for sample in samples(operator) if not (sample.before or sample.behind)]
    exempt = dict.fromkeys(entry for sample in alone for entry in sample.exempt)
    differing = dict.fromkeys(e.why for e in exempt if isinstance(e, Differs | Silent | Undefined))
    if differing:
        yield f"TensorFlow Lite Micro and LiteRT: {'; '.join(differing)}."
    for engine in dict.fromkeys(entry.engine for entry in exempt if isinstance(entry, Deviates)):
        reasons = dict.fromkeys(e.why for e in exempt if isinstance(e, Deviates) and e.engine == engine)
        yield f"`{engine}`, not as TensorFlow Lite Micro: {'; '.join(reasons)}."


def _list(words: Iterable[str]) -> str:
    found = list(words)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def file() -> Path:
    """Where the page stands."""
    return paths.root() / "docs" / PAGE


if __name__ == "__main__":
    file().write_text(page())
    sys.stdout.write(f"docs/{PAGE}\n")
