"""How a benchmark is held against its budgets: the same words and statuses for models and for programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from renode_mnist.commands.output import write
from renode_mnist.errors import CheckFailed, EnvironmentProblem


def show_verdict(judge: Callable[[Any], Any], file: Path, summary: Path | None) -> Any:
    """The verdict of ``judge`` on what ``file`` holds, shown, also in the step summary where there is one.

    Raises:
        BudgetError: There is none.
    """
    from rich.console import Console

    from renode_mnist.measure import budgets
    from renode_mnist.report import budget_table

    written = load_budgets(file, (), summary)
    try:
        verdict = judge(written)
    except budgets.BudgetError as error:
        _tell_no_verdict(error, summary)
        raise
    Console(highlight=False).print(budget_table.terminal(verdict, file.name), markup=False)
    if summary is not None:
        write(summary, "\n" + budget_table.markdown(verdict, file.name), append=True)
    return verdict


def conclude(verdict: Any, file: Path) -> None:
    """Raises where the verdict is no: with status 1 for what failed, 2 for what was not judged."""
    from renode_mnist.measure import budgets

    if verdict.grown:
        raise CheckFailed(
            f"{len({growth.case for growth in verdict.grown})} case(s) grew past {file.name}",
            "Make them smaller, or accept the cost: `renode-mnist bench --update`.",
        )
    if verdict.unmeasured:
        lacks_tools = all(refusal.for_want_of_tools for refusal in verdict.unmeasured)
        raise (EnvironmentProblem if lacks_tools else CheckFailed)(
            f"{len(verdict.unmeasured)} case(s) of {file.name} could not be measured",
            "Mend what is said above, or take them out of the file.",
        )
    if verdict.unjudged:  # no check that failed, but none that was passed either
        what = f"{len(verdict.unjudged)} case(s) were not judged" if verdict.checked else "nothing was judged"
        raise budgets.BudgetError(what, "Why, and what to do, stands above.")


def load_budgets(file: Path, wanted: Any, summary: Path | None) -> Any:
    """The budgets, refused where they have a case that no measurement can meet.

    Args:
        file: To read.
        wanted: Cases that will be measured; none: models are not looked at.
        summary: Where to tell that there is no verdict; None: nowhere.

    Raises:
        BudgetError: It cannot be used.
    """
    from renode_mnist.measure import budget_check, budgets

    try:
        written = budgets.load(file)
        if wanted:
            budget_check.refuse_unknown_models(written, [case.name for case in wanted], file)
        return written
    except budgets.BudgetError as error:
        _tell_no_verdict(error, summary)
        raise


def _tell_no_verdict(error: Exception, summary: Path | None) -> None:
    if summary is not None:
        write(summary, f"\n### Budgets: no verdict\n\n{error}\n", append=True)
