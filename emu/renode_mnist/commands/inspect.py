"""``renode-mnist inspect``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from renode_mnist import codegen
from renode_mnist.errors import CheckFailed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from renode_mnist.model.inspect import EngineFacts, ModelFacts, TensorFacts


@click.command()
@click.argument("model")
@click.option("--engine", type=click.Choice(codegen.ENGINES), help="Whose RAM plan to show [default: the best].")
@click.option(
    "--objective",
    type=click.Choice([objective.value for objective in codegen.Objective]),
    default="instructions",
    show_default=True,
    help="What engine m7 minimises.",
)
@click.option("--tensors", is_flag=True, help="List every tensor, with its quantisation.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def inspect(model: str, engine: str | None, objective: str, tensors: bool, as_json: bool) -> None:
    """Show what a model holds and needs: operators, MACs, memory by step, flash, and whether it fits.

    MODEL is a committed model's name (int8) or a .tflite file. Exits with 1 where no engine can take it.
    """
    from renode_mnist.build import resolve_model
    from renode_mnist.model.inspect import inspect as examine

    facts = examine(resolve_model(model), codegen.Objective(objective))
    chosen = facts.engine(engine) if engine else _best(facts)
    if as_json:
        click.echo(json.dumps(asdict(facts) | {"macs": facts.macs, "parameters": facts.parameters}, indent=2))
    else:
        _show(facts, chosen, tensors=tensors)
    if not any(found.fits for found in facts.engines):
        raise CheckFailed(f"{facts.name} cannot run on this chip", "Its engines' reasons are listed above.")


def _best(facts: ModelFacts) -> EngineFacts:
    """Of the engines that plan at build time, the one that takes the model with the least RAM."""
    planned = [found for found in facts.engines if found.exact]
    return min(planned, key=lambda found: (bool(found.refusal), found.arena_bytes))


def _show(facts: ModelFacts, chosen: EngineFacts, *, tensors: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(
        f"[bold]{facts.name}[/]  {facts.file_bytes:,} B, {facts.parameters:,} parameters, {facts.macs:,} MACs,"
        f" sha256 {facts.sha256[:12]}"
    )
    for label, numbers in (("input", facts.inputs), ("output", facts.outputs)):
        for number in numbers:
            console.print(f"  {label:6} {_describe(facts.tensors[number])}")
    console.print()
    console.print(_operators(facts))
    if tensors:
        console.print()
        console.print(_tensors(facts))
    console.print()
    if chosen.refusal:
        console.print(f"{chosen.engine}: {chosen.refusal}", soft_wrap=True, markup=False)
    else:
        _show_memory(console, chosen)
    console.print()
    console.print(_engines(facts))
    for found in facts.engines:
        if found.refusal and found is not chosen:
            console.print(f"{found.engine}: {found.refusal}", soft_wrap=True, markup=False)


def _describe(tensor: TensorFacts) -> str:
    return f"{tensor.type} {_shape(tensor.shape)}{_quantisation(tensor)}, {tensor.byte_count:,} B"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _quantisation(tensor: TensorFacts) -> str:
    if not tensor.scales:
        return ""
    if len(tensor.scales) > 1:
        return f", {len(tensor.scales)} scales along dimension {tensor.axis}"
    return f", scale {tensor.scales[0]:.6g}, zero point {tensor.zero_points[0]}"


def _grid(*headings: str) -> Table:
    """A table whose headings that begin with '>' are of numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        number = heading.startswith(">")
        table.add_column(heading.lstrip(">"), justify="right" if number else "left", overflow="fold")
    return table


def _operators(facts: ModelFacts) -> Table:
    table = _grid(">#", "operator", "input", "weights", "output", ">parameters", ">MACs")
    for operator in facts.operators:
        shapes = [_shape(facts.tensors[i].shape) for i in operator.inputs if i >= 0]
        types = [facts.tensors[i].type for i in operator.inputs if i >= 0]
        output = facts.tensors[operator.outputs[0]]
        table.add_row(
            str(operator.index),
            operator.op,
            f"{types[0]} {shapes[0]}" if shapes else "",
            f"{types[1]} {shapes[1]}" if operator.parameters else "",
            f"{output.type} {_shape(output.shape)}",
            f"{operator.parameters:,}" if operator.parameters else "",
            f"{operator.macs:,}" if operator.macs else "",
        )
    return table


def _tensors(facts: ModelFacts) -> Table:
    table = _grid(">#", "tensor", "type", "shape", "quantisation", ">bytes", "")
    for tensor in facts.tensors:
        table.add_row(
            str(tensor.index),
            tensor.name,
            tensor.type,
            _shape(tensor.shape),
            _quantisation(tensor).lstrip(", "),
            f"{tensor.byte_count:,}",
            "constant" if tensor.constant else "",
        )
    return table


def _show_memory(console: Console, engine: EngineFacts) -> None:
    """The RAM plan: a row a buffer in the order of their addresses, a column a step."""
    console.print(f"RAM plan of engine [bold]{engine.engine}[/]: arena {engine.arena_bytes:,} B")
    steps = range(len(engine.steps))
    table = _grid(">from", ">to", "buffer", ">bytes", "layout", *map(str, steps))
    for buffer in sorted(engine.buffers, key=lambda found: (found.offset, found.first)):
        marks = ["██" if buffer.first <= step <= buffer.last else "·" for step in steps]
        end = buffer.offset + buffer.byte_count
        table.add_row(f"{buffer.offset:,}", f"{end:,}", buffer.name, f"{buffer.byte_count:,}", buffer.layout, *marks)
    console.print(table)
    console.print()
    most = max(step.live_bytes for step in engine.steps)
    table = _grid(">step", "computes", ">MACs", ">alive", "")
    for number, step in enumerate(engine.steps):
        bar = "█" * max(1, round(30 * step.live_bytes / most))
        table.add_row(
            str(number), step.op, f"{step.macs:,}" if step.macs else "", f"{step.live_bytes:,} B",
            f"{bar}{' peak' if step.live_bytes == most else ''}",
        )  # fmt: skip
    console.print(table)


def _engines(facts: ModelFacts) -> Table:
    from renode_mnist.model.inspect import FLASH_BYTES, RAM_BYTES

    flash, ram = f"of {FLASH_BYTES:,} B", f"of {RAM_BYTES:,} B"
    table = _grid("engine", ">weights", ">flash, about", flash, ">arena", ">RAM, about", ram, "fits")
    for engine in facts.engines:
        if engine.refusal:
            table.add_row(engine.engine, "", "", "", "", "", "", "[red]no")
            continue
        table.add_row(
            engine.engine,
            f"{engine.weights_bytes:,}",
            f"{engine.flash_bytes:,}",
            f"{engine.flash_bytes / FLASH_BYTES:.0%}",
            f"{'' if engine.exact else 'at most '}{engine.arena_bytes:,}",
            f"{engine.ram_bytes:,}",
            f"{engine.ram_bytes / RAM_BYTES:.0%}",
            "[green]yes" if engine.fits else "[red]no",
        )
    return table
