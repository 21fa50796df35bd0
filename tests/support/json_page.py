"""Makes docs/json.md: what data classes say of their fields, and a table for what commands put together themselves.

tests/commands/test_made_pages.py holds both to what the commands print.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from docstrings import attributes
from markdown_cells import cell
from renode_mnist.doctor import Finding as Looked
from renode_mnist.measure import bench, change_report, findings, measurement
from renode_mnist.model import card, golden
from renode_mnist.model import inspect as inspection
from renode_mnist.targets.base import TargetIdentity
from renode_mnist.wire.messages import Stats

_HEAD = (
    "# JSON of the commands\n\n"
    "What `--json` prints and what files hold; made by `make docs-tables` and held to the commands' own "
    "output by a test. Units stand in the names. `[]` is each of a list, `COUNTER` the target's counter unit: "
    "`instructions`, `cycles_modelled`, `cycles_measured` or `nanoseconds`. A program that reads this should "
    "take fields that it does not know: more may come.\n\n"
    "What a command prints has first `schema`, as `renode-mnist/run/1`: the command, and the version of its form. "
    "The version is one more where a field goes or comes to mean something else. Files that are read again say the "
    "same by `schema` or `format`.\n\n"
    "`emulate --json` has [a table of its own](emulate.md#as-json).\n\n"
)


def described(kind: type) -> dict[str, str]:
    """The fields of a class by their names in JSON, each with what the class says of it, or with its type."""
    told = attributes(kind) | {"schema_": "what this file is, and its version"}
    return {alias: told.get(name) or _type(annotation) for name, alias, annotation in _fields_of(kind)}


def _fields_of(kind: type) -> Iterator[tuple[str, str, Any]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield name, field.alias or name, kind.__annotations__[name]
    else:
        for each in fields(kind):
            yield each.name, each.name, each.type


def _type(annotation: Any) -> str:
    text = str(annotation)
    text = re.sub(r"Annotated\[(.*?), Field.*", r"\1", text).replace("fitting.", "")
    plain = {"str": "text", "int": "a whole number", "bool": "true or false", "float": "a number", "Text": "text"}
    return plain.get(text, "a list" if text.startswith(("tuple", "list")) else f"`{text}`")


TARGET = {
    "name": "`embedded`, `renode`, `board` or `host`",
    "version": "of the emulator, the probe or the compiler behind it",
    "counter_unit": "what the firmware's counter counts there",
    "deterministic": "whether two runs give the same counts",
    "cycle_parameters": "which figures modelled cycles are of, where they are not the model's own",
}
TENSOR = {
    "name": "in the model",
    "type": "of an element as stored: `int8`, `float32`, ...",
    "shape": "batch first, channels last",
    "scale": "real = scale * (stored - zero point); 0 where the number itself is stored",
    "zero_point": "see `scale`",
}
_LAYER = {
    "name": "of its last tensor",
    "op": "what it computes; several operators in one are joined by +",
    "macs": "multiply-accumulates that the model asks for",
    "COUNTER": "what it took",
}
_DIFFERENCE = {
    "verdict": "`equal to the bit`, `within rounding` or `different`",
    "elements": "compared, over all samples",
    "differing": "of them",
    "most_units_in_the_last_place": "the largest difference, in steps or ULP; null where infinite",
    "most_real": "the same as a real number",
    "snr_db": "signal to error; null where infinite",
    "saturated_share": "elements at an end of the type's range",
}
_COST = {
    "instructions": "exact",
    "cycles_modelled": "an estimate",
    "cycles_split.issue": "of them, instructions issued",
    "cycles_split.operands": "waits for results",
    "cycles_split.branches": "behind those that went another way than expected",
    "cycles_split.code": "waits for code",
    "cycles_split.data": "waits for data",
}


def _under(prefix: str, told: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{name}": meaning for name, meaning in told.items()}


RECORD = {
    "class": "the one with the highest score",
    "scores": "all of the first output, as real numbers",
    "COUNTER": "of the inference",
    **_under("layers[]", _LAYER),
    "picture": "file or description of what went in",
    "pixels_sha256": "of the 784 bytes that the network saw; where tensors were given `inputs_sha256`",
    "inputs_sha256": "of each input tensor, where tensors were given",
    "output_tensor_hex": "the first output's bytes, as stored",
    "output_tensors_hex": "those of each output",
    "target": "see [target](#target)",
    "firmware": "see [firmware](#firmware)",
}
COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "run": (
        "`run --json`: one inference.",
        RECORD
        | _under("outputs[]", TENSOR)
        | {
            "outputs[].stored": "as the tensor stores it, nested by its shape",
            "outputs[].real": "what that stands for",
            "outputs[].class": "where the output is classes: the winner's index",
            "outputs[].label": "its name, where there are names",
        },
    ),
    "verify": (
        "`verify --json`: the firmware against the PC, tensor by tensor.",
        {
            "verdict": "of all outputs and tensors within",
            "samples": "names of the inputs",
            "equal_samples": "equal to the bit",
            "good_samples": "those and the ones within rounding",
            "samples_with_equal_outputs": "whatever is within",
            "most_units_in_the_last_place": _DIFFERENCE["most_units_in_the_last_place"],
            "float_bound_units_in_the_last_place": "up to which floats count as rounding (`--ulp`)",
            "yardstick": "what was compared with",
            "tensors_within": "how they were read",
            "notes": "what was done with the inputs, a line each",
            "first_difference": "null, or an object: the first tensor in the order of execution, its operator, step, "
            "sample and place, what came, what was expected, channels",
            **_under("tensors[]", {"index": "in the model", **TENSOR}),
            "tensors[].operator": "that writes it",
            "tensors[].step": "of the firmware; empty where none",
            "tensors[].output": "whether it is one of the model's",
            "tensors[].note": "why it was not compared; empty where it was",
            **_under("tensors[]", _DIFFERENCE),
            "litert_default": "null, or LiteRT's default interpreter on the same inputs",
            "litert_default.differing_samples": "how many",
            "litert_default.output": "the one that differs most",
            **_under("litert_default", _DIFFERENCE),
            "against": "the float model of `--against`; null without",
            **_under("quantisation[]", TENSOR),
            "quantisation[].operator": "that writes it",
            "quantisation[].partner": "its tensor in the float model; null where there is none",
            "quantisation[].most_real": "largest error",
            "quantisation[].snr_db": "signal to error",
            "quantisation[].largest_value": "of the partner",
            "target": "see [target](#target)",
            "firmware": "see [firmware](#firmware)",
        },
    ),
    "evaluate": (
        "`evaluate --json`: a data set. The fields from `accuracy` to `wrong` are a classifier's; a regression or "
        "reconstruction has `mean_absolute_error`, `root_mean_square_error`, `largest_error`, `largest_error_input`, "
        "`r_squared` and `reconstruction`, a detector `area_under_curve` in their place.",
        {
            "data": "its name",
            "data_sha256": "of inputs and labels",
            "notes": "what was done with it",
            "inputs": "how many",
            "answered": "of them",
            "output.name": "the one that was scored",
            "output.kind": "`classes`, ...",
            "accuracy": "the share that is right",
            "correct": "how many",
            "confusion": "a row a true class, a column an answered one",
            "classes[].name": "of a class",
            "classes[].precision": "null where it was never answered",
            "classes[].recall": "null where there is none",
            "wrong": "each wrong sample: `input`, `position`, `is`, `answer`, `score`",
            "reference": "null, or how LiteRT's reference kernels answered",
            "reference.yardstick": "which",
            "reference.equal": "to the bit",
            "reference.within_rounding": "floats within the bound",
            "reference.different": "names of the inputs",
            "reference.most_units_in_the_last_place": _DIFFERENCE["most_units_in_the_last_place"],
            "reference.note": "what else is to be known of it",
            "COUNTER.mean": "of an inference",
            **{
                f"COUNTER.{which}.{name}": meaning
                for which in ("fastest", "slowest")
                for name, meaning in {
                    "input": f"the {which} one's name",
                    "position": "its number",
                    "COUNTER": "what it took",
                }.items()
            },
            "set_aside": "inputs that were refused or not survived: `input`, `position`, `why`",
            "answers_sha256": "over every byte of every output and every count",
            "target": "see [target](#target)",
            "firmware": "see [firmware](#firmware)",
        },
    ),
    "profile": (
        "`profile --json`: where instructions went. Of a program of others in the place of `record`: `end`, `why`, "
        "`exit_status`, `error`, `program_status`, `virtual_seconds` ([emulate](emulate.md#as-json)), and without "
        "`--clock-model m7` nothing of cycles.",
        {
            **_COST,
            "cycles_modelled_error_percent.mean": "of published measurements, magnitudes",
            "cycles_modelled_error_percent.worst": "likewise",
            "cycles_modelled_error_percent.lowest": "with its sign",
            "cycles_modelled_error_percent.highest": "with its sign",
            "cycles_modelled_error_percent.points": "how many",
            "cycles_modelled_error_percent.outside": "what they do not cover",
            "functions[].name": "as in the source, with its namespace",
            **_under("functions[]", _COST),
            **_under("functions[].with_callees", _COST),
            "functions[].calls": "how often",
            "functions[].inlined_into": "names of functions",
            "lines[].file": "of the source",
            "lines[].line": "from 1",
            "lines[].function": "it belongs to",
            **_under("lines[]", _COST),
            "missing": "what the ELF lacks",
            **_under("record", RECORD),
        },
    ),
    "calibrate": (
        "`calibrate --json`: core and memories by microbenchmarks.",
        {
            "target": "see [target](#target)",
            "chip.idcode": "DBGMCU_IDCODE",
            "chip.cpuid": "CPUID",
            "chip.unique_id": "96 bits",
            "chip.flash_kib": "of flash",
            "chip.clock_hz": "of the core",
            "chip.wait_states": "of flash",
            "firmware": "see [firmware](#firmware)",
            "cycle_model_sha256": "of the model compared with",
            "compared_with": "what the embedded target counted",
            "rounds": "of which the least counts",
            "benchmarks[].group": "of benchmarks",
            "benchmarks[].name": "what is timed",
            "benchmarks[].units": "of it in a round",
            "benchmarks[].COUNTER_a_unit": "measured",
            "benchmarks[].spread_a_unit": "between rounds",
            "benchmarks[].embedded_cycles_modelled_a_unit": "what the model says",
            "benchmarks[].difference_a_unit": "of the two",
            "benchmarks[].speaks_of": "the parameter",
            "parameters.NAME.own": "the model's figure",
            "parameters.NAME.fitted": "the measured one",
            "parameters.NAME.by": "the benchmark",
            "parameters.NAME.left_cycles": "what the fit leaves",
        },
    ),
    "history show": (
        "`history show --json`: figures over the commits.",
        {
            "figures[].case": "as `int8/m7`",
            "figures[].layer": "null for the whole",
            "figures[].op": "of the layer; null for the whole",
            "figures[].metric": "`cycles`, `instructions`, `flash` or `ram`",
            "figures[].unit": "of `figure`",
            "figures[].commits[].id": "the full hash",
            "figures[].commits[].message": "its first line",
            "figures[].commits[].author": "a name",
            "figures[].commits[].timestamp": "ISO 8601",
            "figures[].commits[].url": "its page; may be empty",
            "figures[].commits[].figure": "null where it has none",
            "figures[].commits[].change_percent": "to the commit before; null across a break",
            "figures[].commits[].breaks": "why it can't be compared with that",
            "figures[].commits[].verdict": "of that commit; null where there is none",
        },
    ),
    "compare": (
        "`compare --json`: what changed. With `--first-worse` (`renode-mnist/first-worse/1`): `metric`, `layer`, "
        "`threshold_percent`, `commit` (null where none is worse), `first`, `before` and `after` with a figure a "
        "case, `worse`, `suspects`, `skipped` with why, `measured`.",
        {
            "changes[].case": "as `int8/m7`",
            "changes[].what": "the layer, or what of the whole",
            "changes[].unit": "of both figures",
            "changes[].before": "a whole number",
            "changes[].after": "likewise",
            "compared": "cases that both have",
            "alone": "a sentence for each side that has cases of its own",
        },
    ),
    "golden": (
        "`golden --json`: the vectors that were written.",
        {
            "file": "which holds them",
            "samples": "how many",
            **described(golden.GoldenIdentity),
        },
    ),
    "train": (
        "`train --json`: how each model was made and what it scores; the models' card has the same.",
        {
            "folder": "of the models and their card",
            **{f"models[].{name}": told for name, told in described(card.Trained).items()},
        },
    ),
    "parity": (
        "`parity --json`: the same inputs on several targets.",
        {
            "against": "the target that the others are held to",
            **_under("targets[]", TARGET),
            "answers[].target": "which",
            "answers[].input": "what was asked, by name: a digit, or as `seed 1 #3`",
            "answers[].class": "its answer",
            "answers[].COUNTER": "what it took",
            "answers[].differences": "to the first target's answer; empty where there are none",
        },
    ),
    "replay": (
        "`replay --json`: a recorded session, sent again.",
        {
            "requests": "how many",
            "recorded_on.name": "of the target",
            "recorded_on.version": "of it",
            "target": "to which they were sent again",
            "cut_off_in_line": "of the recording; null where it is whole",
            "differences[].line": "of the recording",
            "differences[].what": "a sentence",
            "not_compared[].line": "of a reply that was damaged on the line when it was recorded",
            "not_compared[].what": "a sentence",
        },
    ),
}
"""By command: a sentence, and its fields."""

CLASSES: dict[str, tuple[str, tuple[tuple[str, type], ...]]] = {
    "bench --json": (
        "`bench --json FILE` and `bench.json` of `ci measure`: `format` is `renode-mnist bench 1`; `rows`, a case at "
        "a clock each, and `refused`. `target` has the fields of [target](#target) by the library's names.",
        (("rows[]", bench.Row), ("rows[].layers[]", bench.LayerCost), ("refused[]", bench.Refused)),
    ),
    "inspect": (
        "`inspect --json`: beside the fields here `macs` and `parameters` of the whole model, and of each engine "
        "`fits`, `flash_bytes` and `ram_static_bytes`.",
        (
            ("", inspection.ModelFacts),
            ("tensors[]", inspection.TensorFacts),
            ("operators[]", inspection.OperatorFacts),
            ("engines[]", inspection.EngineFacts),
            ("engines[].steps[]", inspection.StepFacts),
            ("engines[].buffers[]", inspection.BufferFacts),
        ),
    ),
    "doctor": (
        "`doctor --json`: beside these `state`: `ok`, `missing` (required) or `absent` (not).",
        (("findings[]", Looked),),
    ),
    "ci measure": (
        f"`measurement.json` (`{measurement.SCHEMA}`) and, a line each, the history's file; `findings.json` "
        f"(`{findings.SCHEMA}`).",
        (
            ("", measurement.Measurement),
            ("commit", measurement.Commit),
            ("cases[]", measurement.CaseCost),
            ("cases[].layers[]", measurement.Layer),
            ("findings.json: ", findings.Findings),
            ("findings.json: findings[]", findings.Finding),
            ("findings.json: sources[]", findings.Source),
        ),
    ),
    "ci report": (
        f"`report.json` (`{change_report.SCHEMA}`).",
        (("", change_report.Report), ("base", change_report.Baseline)),
    ),
}


def _rows(told: Mapping[str, str]) -> str:
    return "".join(f"| `{name}` | {_cell(meaning)} |\n" for name, meaning in told.items())


def _cell(meaning: str) -> str:
    text = re.sub(r"\bNone\b", "null", cell(meaning.replace("``", "`"))).replace("see `Case.name`", "as `int8/m7`")
    text = text if text.endswith("...") else text.removesuffix(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def page() -> str:
    """The page's text."""
    parts = [_HEAD, "## target\nWhere it ran.\n\n| field | |\n| --- | --- |\n", _rows(TARGET)]
    parts += [
        "\n## firmware\nWhat the firmware says of itself.\n\n| field | |\n| --- | --- |\n",
        _rows(described(Stats)),
    ]
    parts += ["| `ram_bytes` | what is linked, and the stack as deep as it has been |\n"]
    parts += ["\n`input` and `output` are the first of `inputs` and `outputs`; each tensor has\n\n"]
    parts += ["| field | |\n| --- | --- |\n", _rows(TENSOR)]
    for name, (sentence, told) in COMMANDS.items():
        parts += [f"\n## {name}\n{sentence}\n\n| field | |\n| --- | --- |\n", _rows(told)]
    for name, (sentence, kinds) in CLASSES.items():
        parts.append(f"\n## {name}\n{sentence}\n\n| field | |\n| --- | --- |\n")
        for prefix, kind in kinds:
            dot = "." if prefix and not prefix.endswith(": ") else ""
            parts.append(_rows({f"{prefix}{dot}{name}": text for name, text in described(kind).items()}))
    return "".join(parts)


assert set(TARGET) <= {"name", "target"} | {each.name for each in fields(TargetIdentity)}
