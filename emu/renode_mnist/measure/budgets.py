"""Budgets: what each case may cost, in a file of the repository; a build that grows past it fails.

``budgets.toml`` holds a table for each case. ``instructions`` are exact, so any growth counts; modelled and measured
cycles, flash and RAM may grow by ``tolerance_percent`` of what is written. The lists beside them tell where a growth
is: ``layers`` and ``functions`` for instructions, ``cycles_modelled_layers`` and ``cycles_measured_layers`` for the
cycles.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import tomlkit

from renode_mnist import paths
from renode_mnist.build import ENGINES, OBJECTIVES
from renode_mnist.errors import RenodeMnistError
from renode_mnist.measure.bench import LayerCost, Refused, Row

_EXACT = "instructions"
_CYCLES = ("cycles_modelled", "cycles_measured")
_SIZES = ("flash_bytes", "ram_bytes")
_KEYS = (_EXACT, *_CYCLES, *_SIZES)
_LAYERS = {_EXACT: "layers", **{unit: f"{unit}_layers" for unit in _CYCLES}}
"""Of which list each count's layers are kept in."""
_FUNCTIONS = "functions"
_ALLOWED_KEYS = (*_KEYS, *_LAYERS.values(), _FUNCTIONS)

_FUNCTION_SHARE = 0.01
"""Of the inference's instructions that a function must take in a layer to be written by its name."""
_OTHER = "other functions"

_CASE = re.compile(
    rf"(?P<model>[^/]+)/(?P<engine>{'|'.join(ENGINES)})(-({'|'.join(OBJECTIVES[1:])}))?(-soft)?",
)
_CASE_FORM = (
    f"MODEL/ENGINE with {', '.join(ENGINES)} for ENGINE, then -{' or -'.join(OBJECTIVES[1:])} where engine m7 was "
    "built for it, and -soft without FPU"
)
_HEAD = """\
What each case may cost (docs/benchmark.md). `renode-mnist bench --check` fails where one grew:
instructions by any amount, the rest by more than tolerance_percent. `renode-mnist bench --update`
writes what it measured.
"""


class BudgetError(RenodeMnistError):
    """A budget file that cannot be used."""


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
        function: Where in that layer; empty for the whole layer.
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
        """By how much it is over what is written, and in percent of it."""
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
        tolerance_percent: By which all but instructions may grow.
        checked: The cases that were measured and have a budget.
        grown: What grew past it: each case's whole first, then its layers and their functions.
        unmeasured: Cases that have a budget and could not be measured.
        savings: Cases that need fewer instructions than they may take.
    """

    tolerance_percent: float
    checked: tuple[str, ...]
    grown: tuple[Growth, ...]
    unmeasured: tuple[Refused, ...]
    savings: tuple[Saving, ...]

    @property
    def passed(self) -> bool:
        """Whether all is within budget."""
        return not self.grown and not self.unmeasured


@dataclass(frozen=True)
class Budgets:
    """What the file holds.

    Attributes:
        tolerance_percent: For all but instructions.
        cases: By case: bounds by key, and lists by layer.
    """

    tolerance_percent: float
    cases: Mapping[str, Mapping[str, Any]]


def load(file: Path) -> Budgets:
    """Reads budgets.

    Raises:
        BudgetError: The file cannot be read, or holds an unknown case or key, a negative number, no number, or lacks
            one; the message names the line and what is allowed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BudgetError(f"cannot read {file}: {why}", "Make it: `renode-mnist bench --update`.") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BudgetError(
            f"{file}: {error}", "Mend it, or remove it and run `renode-mnist bench --update`."
        ) from error
    return _Checked(file, text).budgets(content)


class _Checked:
    """Content of a budget file that is refused by the line where it is wrong."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def budgets(self, content: dict[str, Any]) -> Budgets:
        for key in content:
            if key not in ("tolerance_percent", "cases"):
                self._refuse(self._line(key), f"the unknown key {key}", "tolerance_percent and the table cases")
        cases = content.get("cases", {})
        if not isinstance(cases, dict):
            self._refuse(self._line("cases"), f"cases is {cases!r}", 'a table for each case, [cases."int8/m7"]')
        for name, bounds in cases.items():
            self._check_case(name, bounds)
        tolerance = content.get("tolerance_percent")
        if tolerance is None:
            self._refuse(1, "tolerance_percent is missing", "tolerance_percent = 2, or another number from 0 on")
        # `not >=` also catches nan.
        if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < float("inf"):
            self._refuse(self._line("tolerance_percent"), f"tolerance_percent is {tolerance!r}", "a number from 0 on")
        return Budgets(tolerance, cases)

    def _check_case(self, name: str, bounds: Any) -> None:
        place = self._header(name)
        if not _CASE.fullmatch(name):
            self._refuse(place, f"the unknown case {name}", _CASE_FORM)
        if not isinstance(bounds, dict):
            self._refuse(place, f"case {name} is {bounds!r}", f"a table with {', '.join(_ALLOWED_KEYS)}")
        for key, value in bounds.items():
            line = self._line(key, after=place)
            if key not in _ALLOWED_KEYS:
                self._refuse(line, f"case {name} has the unknown key {key}", ", ".join(_ALLOWED_KEYS))
            if key in _KEYS and not _is_count(value):
                self._refuse(line, f"case {name}: {key} is {value!r}", "a whole number from 0 on")
            if key in _LAYERS.values() and not (isinstance(value, list) and all(map(_is_count, value))):
                self._refuse(line, f"case {name}: {key} is {value!r}", "a list of whole numbers from 0 on")
            if key == _FUNCTIONS and not _are_functions(value):
                self._refuse(
                    line,
                    f"case {name}: {key} is {value!r}",
                    "for each layer a table of functions",
                )
        for key in (_EXACT, *_SIZES):
            if key not in bounds:
                self._refuse(place, f"case {name} has no {key}", ", ".join(_ALLOWED_KEYS))

    def _header(self, name: str) -> int:
        """The line that opens a case's table, counted from 1."""
        opened = re.compile(rf"""\s*\[\s*cases\s*\.\s*["']?{re.escape(name)}["']?\s*\]""")
        found = (number for number, line in enumerate(self._lines, 1) if opened.match(line))
        return next(found, None) or self._line(name)

    def _line(self, word: str, after: int = 0) -> int:
        """The first line behind ``after`` that names ``word`` before an equals sign or in a heading."""
        names = re.compile(rf"""(^|[\s\[.{{,"']){re.escape(word)}["']?\s*([=.\]]|$)""")
        found = (number for number, line in enumerate(self._lines, 1) if number > after and names.search(line))
        return next(found, None) or max(after, 1)

    def _refuse(self, line: int, what: str, allowed: str) -> NoReturn:
        raise BudgetError(f"{self._file}, line {line}: {what}", f"Allowed: {allowed}.")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_functions(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(layer, dict) and all(map(_is_count, layer.values())) for layer in value
    )


def check(budgets: Budgets, rows: Sequence[Row], file: Path, refused: Sequence[Refused] = ()) -> Verdict:
    """Holds what was measured against the budgets.

    Args:
        budgets: What ``file`` holds.
        rows: What was measured; a case counts once, the clock changes no count.
        file: For messages.
        refused: What could not be measured.

    Raises:
        BudgetError: A row has no budget or a budget lacks one of its figures, or the file has a case of a model that
            is neither committed nor measured here.
    """
    rows = _once(rows)
    refuse_unknown_models(budgets, [row.case for row in rows] + [refusal.case for refusal in refused], file)
    grown: list[Growth] = []
    savings: list[Saving] = []
    for row in rows:
        bounds = budgets.cases.get(row.case)
        if bounds is None:
            raise BudgetError(
                f"{file} has no case {row.case}, only {', '.join(budgets.cases) or 'none'}",
                "Add it: `renode-mnist bench --update`.",
            )
        for key in _measured(row):
            if key not in bounds:
                raise BudgetError(
                    f"{file}: case {row.case} has no {key}, which target {row.target['target']} measures",
                    "Add it: `renode-mnist bench --update`.",
                )
        grown += _growths(row, bounds, budgets.tolerance_percent)
        if _EXACT in row.counts and (fewer := bounds[_EXACT] - row.counts[_EXACT]) > 0:
            savings.append(Saving(row.case, fewer))
    unmeasured = tuple(refusal for refusal in refused if refusal.case in budgets.cases)
    checked = tuple(row.case for row in rows)
    return Verdict(budgets.tolerance_percent, checked, tuple(grown), unmeasured, tuple(savings))


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
        if (model := case.partition("/")[0]) not in known:
            lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
            line = next((number for number, text in enumerate(lines, 1) if f'"{case}"' in text), 1)
            raise BudgetError(
                f"{file}, line {line}: the unknown case {case}, there is no model {model}",
                f"Allowed: {', '.join(sorted(known))}. Keep budgets of models of your own in a file of their own "
                "(--budgets), or measure them in the same run (--models).",
            )


def _growths(row: Row, bounds: Mapping[str, Any], tolerance_percent: float) -> Iterator[Growth]:
    for key, now in _measured(row).items():

        def allowed(written: int, key: str = key) -> int:
            return written if key == _EXACT else int(written * (1 + tolerance_percent / 100))

        if now <= allowed(bounds[key]):
            continue
        yield Growth(row.case, key, bounds[key], allowed(bounds[key]), now)
        layers = bounds.get(_LAYERS.get(key, ""), ())
        if len(layers) != len(row.layers):  # another network: its layers have no counterpart
            continue
        for number, (layer, written) in enumerate(zip(row.layers, layers, strict=True)):
            if layer.counts[key] <= allowed(written):
                continue
            name = f"{number} {layer.op}"
            yield Growth(row.case, key, written, allowed(written), layer.counts[key], name)
            if key == _EXACT and len(bounds.get(_FUNCTIONS, ())) == len(layers):
                for function, before, after in _functions_grown(row, layer, written, bounds[_FUNCTIONS][number]):
                    yield Growth(row.case, key, before, before, after, name, function)


def _functions_grown(
    row: Row, layer: LayerCost, written: int, functions: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """(Function, instructions written, instructions now) of those that grew; the small ones are one."""
    if not layer.functions:
        return
    named = {**dict.fromkeys(_worth_a_name(row, layer), 0), **functions}
    for function, before in named.items():
        if (now := layer.functions.get(function, 0)) > before:
            yield function, before, now
    before = max(0, written - sum(functions.values()))
    now = layer.counts[_EXACT] - sum(layer.functions.get(function, 0) for function in named)
    if now > before:
        yield _OTHER, before, now


def _worth_a_name(row: Row, layer: LayerCost) -> dict[str, int]:
    least = row.counts[_EXACT] * _FUNCTION_SHARE
    return {function: count for function, count in layer.functions.items() if count >= least}


def update(file: Path, rows: Sequence[Row]) -> list[str]:
    """Writes what was measured, keeping cases that were not; tells each change in a line.

    Raises:
        BudgetError: The file is there and cannot be used, or cannot be written.
    """
    old = load(file) if file.exists() else Budgets(2, {})
    changes: list[str] = []
    document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
    if not file.exists():
        for line in _HEAD.splitlines():
            document.add(tomlkit.comment(line))
        document["tolerance_percent"] = old.tolerance_percent
    if "cases" not in document:
        document["cases"] = tomlkit.table(is_super_table=True)
    written: Any = document["cases"]
    for row in _once(rows):
        before = old.cases.get(row.case, {})
        now = _measured(row)
        for key in now:
            if before.get(key) != now[key]:
                changes.append(f"{row.case}: {key} {before.get(key, 'new')} -> {now[key]}")
        by_layer = _by_layer(row)
        if changed := [key for key in by_layer if key in before and before[key] != by_layer[key]]:
            changes.append(f"{row.case}: {', '.join(changed)} differ")
        if added := [key for key in by_layer if key not in before]:
            changes.append(f"{row.case}: {', '.join(added)} new")
        written[row.case] = _table({**before, **now, **by_layer})
    try:
        file.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise BudgetError(f"cannot write {file}: {error.strerror}", "Check its permissions.") from error
    return changes


def _by_layer(row: Row) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {_LAYERS[unit]: [layer.counts[unit] for layer in row.layers] for unit in row.counts}
    if any(layer.functions for layer in row.layers):
        lists[_FUNCTIONS] = [_worth_a_name(row, layer) for layer in row.layers]
    return lists


def _table(values: Mapping[str, Any]) -> tomlkit.items.Table:
    """A case's table, its keys in the order in which they are read."""
    table = tomlkit.table()
    for key in (key for key in _ALLOWED_KEYS if key in values):
        if key != _FUNCTIONS:
            table[key] = values[key]
            continue
        layers = tomlkit.array()
        for functions in values[key]:
            inline = tomlkit.inline_table()
            for function, count in functions.items():
                inline.append(tomlkit.items.SingleKey(function, tomlkit.items.KeyType.Basic), count)
            layers.append(inline)
        table[key] = layers.multiline(True)
    return table


def _measured(row: Row) -> dict[str, int]:
    return {**row.counts, "flash_bytes": row.flash_bytes, "ram_bytes": row.ram_bytes}


def _once(rows: Sequence[Row]) -> list[Row]:
    """One row a case: the clock changes no count."""
    return list({row.case: row for row in reversed(rows)}.values())[::-1]
