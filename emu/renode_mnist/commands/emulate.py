"""``renode-mnist emulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.drive import Drive, drive
from renode_mnist.commands.duration import duration
from renode_mnist.commands.options import options_from, program_options_of, target_option, tell_target, why_target
from renode_mnist.commands.output import print_json
from renode_mnist.commands.program_end import STRICT, failed, failure, mark, why, words
from renode_mnist.errors import CheckFailed
from renode_mnist.session.target_options import EMULATED_TARGETS, ProgramOptions, TargetOptions

if TYPE_CHECKING:
    from renode_mnist.session.emulation import Emulation, Over


@click.command()
@click.argument("elf", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--until", metavar="TEXT", type=words, help="End well when the program says this; else it is an error.")
@click.option("--for", "seconds", type=duration, help="End after this virtual time: 0.5s, 20ms, 2min.")
@click.option(
    "--wall", type=duration, default="60s", show_default=True, help="Give up after this much of this machine's time."
)
@click.option(
    "--uart", type=words, help="Show, and look for --until at, this one alone: usart1, also semihosting or itm."
)
@click.option(
    "--drive",
    "drives",
    metavar="PIN=LEVEL[@TIME]",
    type=drive,
    multiple=True,
    help="Drive a pin from outside: PI11=high, low or released, from the start or @0.1s on. May be repeated.",
)
@target_option(choices=EMULATED_TARGETS)
@options_from(TargetOptions, names=("clock_model", "parameters", "gdb_port"))
@options_from(ProgramOptions)
@click.option("--strict", is_flag=True, help="Exit with 6 where the program used what the emulator does not model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, the program's text in it.")
def emulate(
    elf: Path,
    until: str | None,
    seconds: float | None,
    wall: float,
    uart: str | None,
    drives: tuple[Drive, ...],
    target: str,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run any program for the STM32F746; show what it says, and what it took.

    Its UARTs, semihosting and ITM are shown. It ends when --until is said, --for is over, the program exits by
    semihosting, faults, or comes to where nothing can go on. Exit status: 0 as asked (or the program's own), 1
    --until was not said in time, 2 the call is wrong, 3 --wall is over, 4 fault, 5 nothing can go on, 6 --strict.
    """
    from renode_mnist.session.emulation_opening import open_emulation
    from renode_mnist.session.emulation_text import Printer

    program = program_options_of(options)
    printer = Printer(_echo, uart or "")
    emulation = open_emulation(
        elf,
        target,
        TargetOptions(**options),
        program,
        hear=None if as_json else printer.hear,
        waiting=lambda command: click.echo(f"waiting for the debugger: {command}", err=True),
    )
    with emulation:
        emulation.check_place(uart or "")
        for each in drives:
            emulation.drive(*each)
        waits = emulation.text.wait_for(until.encode(), uart or "") if until else _never
        try:
            over = emulation.run(seconds, waits, wall_seconds=None if options["gdb_port"] else wall)
        except KeyboardInterrupt:
            printer.close()
            mark(f"interrupted at {emulation.target.now():.6f} s of virtual time", err=as_json)
            mark(_took(emulation), err=as_json)
            raise
        printer.close()
        lacking = emulation.target.lacking() if strict else ()
        problem = _found(lacking) if lacking else failure(over, until)
        if as_json:
            tell_target(target)
            print_json("emulate", _values(emulation, over, until, problem))
        else:
            _tell(emulation, over, until)
    if problem is not None:
        raise problem


def _never() -> bool:
    return False


def _echo(line: str) -> None:
    click.echo(line)


def _found(lacking: tuple[str, ...]) -> CheckFailed:
    more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
    return failed(STRICT, f"the program used what is not modelled: {lacking[0]}{more}", "See the list above.")


def _values(emulation: Emulation, over: Over, until: str | None, problem: CheckFailed | None) -> dict[str, Any]:
    """For ``--json``; docs/emulate.md says what each is."""
    target, count, place, stack = emulation.target, emulation.count(), emulation.place(), emulation.stack()
    return {
        "target": target.name,
        "version": target.version,
        "end": str(over.reason),
        "why": why(over, until),
        "exit_status": problem.exit_code if problem else 0,
        "error": problem.what if problem else None,
        "program_status": over.status if over.reason == "exit" else None,
        "instructions": count.instructions,
        "cycles_modelled": count.cycles,
        "virtual_seconds": target.now(),
        "pc": place.pc,
        "function": place.function,
        "file": place.file,
        "line": place.line,
        "stack_bytes": stack.deepest_bytes if stack else None,
        "faults": emulation.faults(),
        "in_fault_handler": emulation.in_fault_handler(),
        "not_modelled": list(target.lacking()),
        "remarks": list(emulation.remarks()),
        "text": {name: data.decode("utf-8", "replace") for name, data in emulation.text.heard.items()},
    }


def _tell(emulation: Emulation, over: Over, until: str | None) -> None:
    stack = emulation.stack()
    mark(f"at {emulation.target.now():.6f} s of virtual time: {why(over, until)}")
    mark(_took(emulation) + (f"; the main stack took at most {stack.deepest_bytes} bytes" if stack else ""))
    for line in (*emulation.remarks(), *emulation.target.lacking()):
        mark(line)
    if over.reason != "fault" and (faults := _faults(emulation)):
        mark(faults)


def _took(emulation: Emulation) -> str:
    target, count = emulation.target, emulation.count()
    cycles = "" if count.cycles is None else f", {count.cycles} cycles (modelled)"
    why = f", since {reason}" if (reason := why_target()) else ""
    where = f"{target.name} ({target.version}{why})"
    return f"{count.instructions} instructions{cycles} on {where}, at {emulation.place()}"


def _faults(emulation: Emulation) -> str:
    """What the last line says of a run that went on behind a fault; empty where there was none."""
    count, inside = emulation.faults(), emulation.in_fault_handler()
    taken = f"it took {count} fault{'s' if count > 1 else ''}" if count else ""
    handler = "at the end it was in a fault's handler" if inside else ""
    return ", and ".join(filter(None, (taken, handler)))
