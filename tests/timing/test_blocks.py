"""Costs of edges between blocks: what overlaps at the seam counts once, and a run is the sum of its edges."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import snippets
from assembler import assemble, needs_assembler
from renode_mnist import paths
from renode_mnist.errors import ElfError
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.timing import (
    Block,
    BlockCosts,
    CodeImage,
    LiveCosts,
    PipelineCosts,
    cycles_from_blocks,
    cycles_from_edges,
)

BASE = 0x0800_0000


def blocks_of(source: str, sizes: tuple[int, ...], directory: Path) -> list[Block]:
    """The code of ``source``, cut into blocks of these sizes."""
    code = assemble(source, directory)
    assert len(code) == sum(sizes)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [Block(BASE + at, code[at : at + size]) for at, size in zip(starts, sizes, strict=True)]


@needs_assembler
def test_a_value_made_in_one_block_delays_the_next(tmp_path: Path) -> None:
    first, dependent, independent = blocks_of(
        "vadd.f32 s0, s0, s1; b 1f; 1: vadd.f32 s0, s0, s1; b 2f; 2: vadd.f32 s2, s3, s4", (6, 6, 4), tmp_path
    )
    costs = BlockCosts()
    assert costs.edge_cycles(first, dependent) == costs.block_cycles(dependent) + 2
    assert costs.edge_cycles(first, independent) == costs.block_cycles(independent)


@needs_assembler
def test_falling_through_pairs_and_a_taken_branch_does_not(tmp_path: Path) -> None:
    first, following, elsewhere = blocks_of(
        "add.w r0, r1, r2; add.w r3, r4, r5; add.w r6, r7, r8", (4, 4, 4), tmp_path
    )
    costs = BlockCosts()
    assert costs.edge_cycles(first, following) == 0
    assert costs.edge_cycles(first, elsewhere) == 1


@needs_assembler
@pytest.mark.parametrize(
    ("branch", "size", "cycles"), [("adds r0, #1; b.n 1f", 4, 0), ("add.w r0, #1; b.n 1f", 6, 1)]
)
def test_a_taken_branch_pairs_behind_narrow_instructions(branch: str, size: int, cycles: int, tmp_path: Path) -> None:
    """J: "capable of dual issuing with one instruction at destination address ... requires at least 2 .n"."""
    lead, _, target = blocks_of(f"nop.w; {branch}; nop.w; 1: add.w r6, r7, r8", (4 + size, 4, 4), tmp_path)
    costs = BlockCosts()
    alone, _, _ = blocks_of(f"{branch}; nop.w; 1: add.w r6, r7, r8", (size, 4, 4), tmp_path)
    # An even number of instructions leaves the branch as the younger of a pair, behind which nothing fits.
    assert costs.edge_cycles(alone, target) == 1
    assert costs.edge_cycles(lead, target) == cycles


@needs_assembler
def test_a_run_is_the_sum_of_its_edges_and_of_what_was_mispredicted(tmp_path: Path) -> None:
    entry, loop, leave = blocks_of("movs r0, #9; nop; 1: subs.w r0, r0, #1; bne.n 1b; bx lr", (4, 6, 2), tmp_path)
    costs = BlockCosts()
    edges = {(None, entry): 1, (entry, loop): 1, (loop, loop): 8, (loop, leave): 1}
    straight = costs.block_cycles(entry) + costs.edge_cycles(entry, loop) + 8 * costs.edge_cycles(loop, loop)
    straight += costs.edge_cycles(loop, leave)
    assert cycles_from_edges(costs, edges) == straight + costs.misprediction_cycles(loop)


@needs_assembler
def test_block_counts_alone_find_the_edges_of_a_loop(tmp_path: Path) -> None:
    entry, loop, leave = blocks_of("movs r0, #9; nop; 1: subs.w r0, r0, #1; bne.n 1b; bx lr", (4, 6, 2), tmp_path)
    costs = BlockCosts()
    edges = {(None, entry): 1, (entry, loop): 1, (loop, loop): 98, (loop, leave): 1}
    counts = {entry: 1, loop: 99, leave: 1}
    assert cycles_from_blocks(costs, counts) == cycles_from_edges(costs, edges)


@needs_assembler
@pytest.mark.parametrize(
    ("source", "cycles"),
    [
        ("cmp r0, r1; bne.n .+4", 8),
        ("cmp r0, r1; nop.w; nop.w; nop.w; nop.w; nop.w; bne.n .+4", 6),
        ("bne.n .+4", 6),  # the flags are from an earlier block
        ("cbz r0, .+4", 8),
        ("bx lr", 8),
        ("pop {r4, pc}", 8),
        ("b.n .+4", 0),
        ("bl .+4", 0),
        ("adds r0, r0, #1", 0),
    ],
)
def test_a_misprediction_costs_6_or_8_cycles(source: str, cycles: int, tmp_path: Path) -> None:
    assert BlockCosts().misprediction_cycles(Block(BASE, assemble(source, tmp_path))) == cycles


@needs_assembler
def test_an_emulator_asks_by_address_and_size(tmp_path: Path) -> None:
    first, second = blocks_of("add.w r0, r0, #1; cbz r0, .+4; nop.w", (6, 4), tmp_path)
    memory, costs = first.code + second.code, BlockCosts()
    live = LiveCosts(lambda address, size: memory[address - BASE : address - BASE + size])
    assert live(0, 0, BASE, 6) == (costs.block_cycles(first), 0, costs.dependency_cycles(None, first))
    waits = costs.dependency_cycles(first, second)
    assert live(BASE, 6, BASE + 6, 4) == (costs.edge_cycles(first, second), 8, waits)


@needs_assembler
def test_a_load_waits_for_the_store_before_it(tmp_path: Path) -> None:
    near, far = (Block(BASE, assemble(f"str r0, [sp, #4]; ldr r1, [sp, #{offset}]", tmp_path)) for offset in (4, 16))
    moved = Block(BASE, assemble("str r0, [r2, #4]; add r2, r3, r4; ldr r1, [r2, #4]", tmp_path))
    costs = BlockCosts()
    assert costs.block_cycles(near) == 5
    assert costs.block_cycles(far) == 1
    assert costs.block_cycles(moved) < 5


@needs_assembler
def test_a_store_is_remembered_behind_another(tmp_path: Path) -> None:
    again = Block(BASE, assemble("str r0, [sp, #4]; str r1, [sp, #64]; ldr r2, [sp, #4]", tmp_path))
    assert BlockCosts().block_cycles(again) == 5


def test_what_is_no_instruction_still_counts_as_one() -> None:
    undefined = bytes.fromhex("ffffffff 00bf")  # no 32-bit instruction, then NOP
    assert BlockCosts().instructions(Block(BASE, undefined)) == 2


@pytest.mark.parametrize("content", [b"", b"not an elf", b"\x7fELF" + bytes(60)])
def test_a_file_that_is_no_elf_is_refused_with_a_remedy(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(content)
    with pytest.raises(ElfError, match=r"no ELF file|not for Arm"):
        CodeImage(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ElfError, match=r"missing\.elf cannot be read"):
        CodeImage(tmp_path / "missing.elf")


PROGRAM = """
function run
  ldr r0, =0x20011000
  movw r1, #1000
1: ldr r2, [r0]
  ldr r3, [r0, #4]
  mla r4, r2, r3, r4
  tst r1, #15
  beq 2f
  adds r5, #1
2: subs r1, #1
  bne 1b
3: wfi
  b 3b
"""


def test_the_documented_example_tells_what_the_emulator_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (paths.root() / "docs" / "cycles.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(snippets.build(PROGRAM), "program.elf")
    exec(example, {})
    told = [int(line.split(" ")[0].replace(",", "")) for line in capsys.readouterr().out.splitlines()]
    machine = Machine("program.elf", clock_model=PipelineCosts)
    machine.run_for(0.001)
    live = sum(
        edge.entered * edge.cycles + edge.mispredicted * edge.misprediction_cycles for edge in machine.edge_counts()
    )
    assert told == pytest.approx([live, live], rel=0.1)
