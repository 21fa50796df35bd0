"""Holds what was measured against the budgets: what grew, where, what needs less, and what no budget is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from renode_mnist import paths
from renode_mnist.measure.bench import LayerCost, Refused, Row
from renode_mnist.measure.budget_choice import Maker, Unjudged, choose
from renode_mnist.measure.budget_rows import CLOCK_MHZ, MODELLED, by_case, cycle_model, figures, worth_a_name
from renode_mnist.measure.budgets import EXACT, FALLBACKS, PROGRAM, UNNAMED, Bounds, BudgetError, Budgets

_OTHER = "other functions"


@dataclass(frozen=True)
class Growth:
    """A bound that was crossed.

    Attributes:
        case: See ``bench.Case.name``.
        what: ``instructions``, ``flash_bytes``, ...
        written: In the file; 0 for what is not there.
        allowed: The bound, tolerance included.
        now: What was measured.
        layer: Where in the network, as ``2 CONV_2D``; empty for the whole.
        function: Where in that layer, or of a program without layers; empty for the whole layer.
    """

    case: str
    what: str
    written: int
    allowed: int
    now: int
    layer: str = ""
    function: str = ""

    @property
    def difference(self) -> str:
        """By how much it is over what is written, and in percent of it; fallbacks are too few for that."""
        if self.what == FALLBACKS:
            return f"{self.now - self.written:+,}"
        percent = f"{(self.now / self.written - 1) * 100:+.3g} %" if self.written else "new"
        return f"{self.now - self.written:+,} ({percent})"


@dataclass(frozen=True)
class Saving:
    """Instructions of a case that the file still allows and nothing needs any more."""

    case: str
    instructions: int


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        tolerance_percent: By which all but instructions and fallbacks may grow.
        checked: The cases that were measured and held against a budget.
        grown: What grew past it: each case's whole first, then its layers and their functions.
        unmeasured: Cases that have a budget and could not be measured.
        savings: Cases that need fewer instructions than they may take.
        unjudged: What was measured, and the file's budgets are not for.
        unnamed: Those of the checked whose budget does not say for which compiler it is.
        notes: What else must be known to read it, a sentence each.
    """

    tolerance_percent: float
    checked: tuple[str, ...]
    grown: tuple[Growth, ...]
    unmeasured: tuple[Refused, ...]
    savings: tuple[Saving, ...]
    unjudged: tuple[Unjudged, ...] = ()
    unnamed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all is within budget; what was not judged is not."""
        return not self.grown and not self.unmeasured and not self.unjudged


def check(budgets: Budgets, rows: Sequence[Row], file: Path, refused: Sequence[Refused] = ()) -> Verdict:
    """Holds what was measured against the budgets.

    Args:
        budgets: What ``file`` holds.
        rows: What was measured; a case counts once, at the budgets' clock where it was measured at several.
        file: For messages.
        refused: What could not be measured.

    Raises:
        BudgetError: A row has no budget or a budget lacks one of its figures, or the file has a case of a model that
            is neither committed nor measured here.
    """
    rows = by_case(rows)
    refuse_unknown_models(budgets, [row.case for row in rows] + [refusal.case for refusal in refused], file)
    grown: list[Growth] = []
    savings: list[Saving] = []
    unjudged: list[Unjudged] = []
    checked: list[str] = []
    for row in rows:
        if row.case not in budgets.cases:
            raise BudgetError(
                f"{file} has no case {row.case}, only {', '.join(budgets.cases) or 'none'}",
                "Add it: `renode-mnist bench --update`.",
            )
        bounds = choose(budgets, row.case, Maker.of(row.firmware), file)
        if isinstance(bounds, Unjudged):
            unjudged.append(bounds)
            continue
        checked.append(row.case)
        judged = figures(row)
        if other := _of_another_cycle_model(row, bounds, file):
            unjudged.append(other)
            judged.pop(MODELLED, None)
        elif other := _of_another_clock(row, file):
            unjudged.append(other)
        if bounds.of(FALLBACKS) is None:  # files of before have none
            judged.pop(FALLBACKS, None)
        for key in judged:
            if bounds.of(key) is None:
                raise BudgetError(
                    f"{file}: case {row.case} has no {key}, which target {row.target['target']} measures",
                    "Add it: `renode-mnist bench --update`.",
                )
        grown += _growths(row, judged, bounds, budgets.tolerance_percent)
        if EXACT in row.counts and (fewer := bounds.instructions - row.counts[EXACT]) > 0:
            savings.append(Saving(row.case, fewer))
    unmeasured = tuple(refusal for refusal in refused if refusal.case in budgets.cases)
    unnamed = tuple(case for case in checked if UNNAMED in budgets.cases[case])
    return Verdict(
        budgets.tolerance_percent,
        tuple(checked),
        tuple(grown),
        unmeasured,
        tuple(savings),
        tuple(unjudged),
        unnamed,
    )


def _of_another_cycle_model(row: Row, bounds: Bounds, file: Path) -> Unjudged | None:
    """Modelled cycles change with their model, though the firmware is as it was."""
    model = cycle_model(row)
    if MODELLED not in row.counts or bounds.cycles_modelled is None or bounds.cycle_model == model:
        return None
    written = f"of model {bounds.cycle_model}" if bounds.cycle_model else "without a cycle_model"
    whose = f"these are of {model or 'a model that the target does not tell'}"
    if parameters := row.target.get("cycle_parameters"):
        whose += f", with {parameters}"
        remedy = "Leave --parameters out, or keep budgets of these in a file of their own: `--budgets FILE --update`."
    else:
        remedy = "Write those of this model: `renode-mnist bench --update`."
    return Unjudged(row.case, MODELLED, f"{file.name} has them {written}, and {whose}", remedy)


def _of_another_clock(row: Row, file: Path) -> Unjudged | None:
    if MODELLED not in row.counts or row.clock_mhz == CLOCK_MHZ:
        return None
    return Unjudged(
        row.case,
        MODELLED,
        f"{file.name} has them at {CLOCK_MHZ} MHz, and these are at {row.clock_mhz}",
        f"Measure at that clock too: `--clocks {CLOCK_MHZ},{row.clock_mhz}`.",
    )


def refuse_unknown_models(budgets: Budgets, measured: Sequence[str], file: Path) -> None:
    """Refuses cases that no measurement can ever meet; also part of `check`.

    Args:
        budgets: What ``file`` holds.
        measured: Names of the cases that are measured.
        file: For the message.

    Raises:
        BudgetError: A case is of a model that is neither committed nor measured.
    """
    committed = {model.stem.removeprefix("mnist_") for model in paths.models().glob("*.tflite")}
    known = committed | {case.partition("/")[0] for case in measured}
    for case in budgets.cases:
        model, _, engine = case.partition("/")
        if model not in known and engine != PROGRAM:
            lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
            line = next((number for number, text in enumerate(lines, 1) if f'"{case}"' in text), 1)
            raise BudgetError(
                f"{file}, line {line}: the unknown case {case}, there is no model {model}",
                f"Allowed: {', '.join(sorted(known))}. Keep budgets of models of your own in a file of their own "
                "(--budgets), or measure them in the same run (--models).",
            )


def _growths(row: Row, judged: Mapping[str, int], bounds: Bounds, tolerance_percent: float) -> Iterator[Growth]:
    for key, now in judged.items():

        def allowed(written: int, key: str = key) -> int:
            return written if key in (EXACT, FALLBACKS) else int(written * (1 + tolerance_percent / 100))

        whole = bounds.of(key) or 0
        if now <= allowed(whole):
            continue
        yield Growth(row.case, key, whole, allowed(whole), now)
        layers = bounds.layers_of(key)
        if len(layers) != len(row.layers):  # another network: its layers have no counterpart
            continue
        for number, (layer, written) in enumerate(zip(row.layers, layers, strict=True)):
            if layer.counts[key] <= allowed(written):
                continue
            name = f"{number} {layer.op}"
            yield Growth(row.case, key, written, allowed(written), layer.counts[key], name)
            if key == EXACT and len(functions := bounds.functions or ()) == len(layers):
                for function, before, after in _functions_grown(row, layer, written, functions[number]):
                    yield Growth(row.case, key, before, before, after, name, function)


def _functions_grown(
    row: Row, layer: LayerCost, written: int, functions: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """(Function, instructions written, instructions now) of those that grew; the small ones are one."""
    if not layer.functions:
        return
    named = {**dict.fromkeys(worth_a_name(row, layer), 0), **functions}
    for function, before in named.items():
        if (now := layer.functions.get(function, 0)) > before:
            yield function, before, now
    before = max(0, written - sum(functions.values()))
    now = layer.counts[EXACT] - sum(layer.functions.get(function, 0) for function in named)
    if now > before:
        yield _OTHER, before, now
