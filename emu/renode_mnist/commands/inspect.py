"""``renode-mnist inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.options import complete_model, options_from
from renode_mnist.commands.output import print_json
from renode_mnist.errors import CheckFailed
from renode_mnist.images import ImageOptions, Objective

if TYPE_CHECKING:
    from renode_mnist.model.inspect import EngineFacts, ModelFacts, TensorFacts


class _Planned(click.ParamType[str]):
    """An engine that has a plan: a choice that is looked up when it is asked for, for reading it takes 0.1 s."""

    name = "choice"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As a choice."""
        return self._choice.convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """As a choice."""
        return self._choice.get_metavar(param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """As a choice."""
        return self._choice.shell_complete(ctx, param, incomplete)

    @property
    def _choice(self) -> click.Choice[str]:
        from renode_mnist import codegen

        return click.Choice(codegen.ENGINES)


@click.command()
@click.argument("model", shell_complete=complete_model)
@click.option("--engine", type=_Planned(), help="Whose plan to show [default: that of `build`].")
@options_from(ImageOptions, names=("objective", "max_flash", "max_ram"))
@click.option("--tensors", is_flag=True, help="List every tensor, with its quantisation.")
@click.option("--build", "compiling", is_flag=True, help="Compile the image of each engine, and show what it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def inspect(
    model: str,
    engine: str | None,
    objective: Objective,
    max_flash: int | None,
    max_ram: int | None,
    tensors: bool,
    compiling: bool,
    as_json: bool,
) -> None:
    """Show what a model holds and needs: operators, MACs, memory by step, flash, and whether it fits.

    MODEL is a committed model's name (int8) or a .tflite file. Exits with 1 where no engine can take it.
    """
    from renode_mnist.images import BuildConfig, refuse_objective, resolve_model
    from renode_mnist.measure.image_sizes import examined

    refuse_objective(engine or ImageOptions.engine, objective)
    asked = BuildConfig(resolve_model(model), objective=objective, max_flash=max_flash, max_ram=max_ram)
    facts = examined(asked, compiling=compiling)
    chosen = facts.engine(engine) if engine else facts.planned(ImageOptions.engine)
    if as_json:
        print_json("inspect", facts.to_json())
    else:
        _show(facts, chosen, tensors=tensors)
    if not any(found.fits for found in facts.engines):
        where = "on this chip" if max_flash is None and max_ram is None else "within what is allowed"
        raise CheckFailed(f"{facts.name} cannot run {where}", "Its engines' needs and reasons are listed above.")


def _show(facts: ModelFacts, chosen: EngineFacts, *, tensors: bool) -> None:
    from rich.console import Console

    from renode_mnist.report import grid, inspection
    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    for label, numbers in (("input", facts.inputs), ("output", facts.outputs)):
        for number in numbers:
            console.print(f"  {label:6} {_describe(facts.tensors[number])}")
    console.print()
    console.print(grid.table(inspection.operators(facts), boxed=False))
    if tensors:
        console.print()
        console.print(grid.table(inspection.tensors(facts), boxed=False))
    if not chosen.refusal:
        console.print()
        console.print(grid.table(inspection.buffers(chosen), boxed=False))
        console.print()
        steps = inspection.steps(chosen)
        console.print(grid.table(steps, boxed=False))
        for line in (*steps.notes, *chosen.rewrites):
            say(console, line)
    console.print()
    engines = inspection.engines(facts)
    console.print(grid.table(engines, boxed=False))
    for note in engines.notes:
        say(console, note)


def _describe(tensor: TensorFacts) -> str:
    from renode_mnist.report.inspection import quantisation, shape_text

    parts = (f"{tensor.type} {shape_text(tensor.shape)}", quantisation(tensor), f"{tensor.byte_count:,} B")
    return f"'{tensor.name}' {', '.join(filter(None, parts))}"
