"""Coverage of the source in lcov's format (geninfo(1)), for genhtml and for the services that read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.symbols import Function


def lcov(info: DebugInfo, counts: Mapping[int, int], where: Callable[[str], str | None]) -> str:
    """The tracefile of a run.

    A line's count is that of its most frequent instruction at which a statement begins; a line of which nothing
    was linked is not mentioned.

    Args:
        info: Of the ELF that ran.
        counts: Executions by address of an instruction.
        where: From a file's name in the ELF to the one to write; None leaves it out, since genhtml stops at a file
            that is not there (newlib's are on nobody's machine).
    """
    functions: defaultdict[str, list[Function]] = defaultdict(list)
    for function in info.functions:
        if function.file:
            functions[function.file].append(function)
    records = ["TN:"]
    for file, lines in sorted(info.statements().items()):
        if (place := where(file)) is None:
            continue
        records.append(f"SF:{place}")
        records += _functions(functions[file], counts)
        hits = {line: max(counts.get(at, 0) for at in addresses) for line, addresses in sorted(lines.items())}
        records += [f"DA:{line},{count}" for line, count in hits.items()]
        records += [f"LF:{len(hits)}", f"LH:{sum(1 for count in hits.values() if count)}", "end_of_record"]
    return "\n".join(records) + "\n"


def _functions(functions: list[Function], counts: Mapping[int, int]) -> list[str]:
    """Instances of one template share a line and a name: the address tells them apart."""
    seen: defaultdict[str, int] = defaultdict(int)
    for function in functions:
        seen[function.name] += 1
    named = [
        (f"{function.name}@{function.address:08x}" if seen[function.name] > 1 else function.name, function)
        for function in functions
    ]
    hits = [(name, counts.get(function.address, 0)) for name, function in named]
    return [
        *(f"FN:{function.line},{name}" for name, function in named),
        *(f"FNDA:{count},{name}" for name, count in hits),
        f"FNF:{len(hits)}",
        f"FNH:{sum(1 for _, count in hits if count)}",
    ]
