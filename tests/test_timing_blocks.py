"""Costs of edges between blocks: what overlaps at the seam counts once, and a run is the sum of its edges."""

from __future__ import annotations

from pathlib import Path

import pytest

from assembler import assemble, needs_assembler
from renode_mnist.errors import ElfError
from renode_mnist.timing import Block, BlockCosts, CodeImage, cycles_from_blocks, cycles_from_edges

BASE = 0x0800_0000


def costs_of(code: bytes) -> BlockCosts:
    return BlockCosts(lambda address, size: code[address - BASE : address - BASE + size])


@needs_assembler
def test_a_value_made_in_one_block_delays_the_next(tmp_path: Path) -> None:
    code = assemble("vadd.f32 s0, s0, s1; b 1f; 1: vadd.f32 s0, s0, s1; b 2f; 2: vadd.f32 s2, s3, s4", tmp_path)
    first, dependent, independent = Block(BASE, 6), Block(BASE + 6, 6), Block(BASE + 12, 4)
    costs = costs_of(code)
    assert costs.edge_cycles(first, dependent) > costs.block_cycles(dependent)
    assert costs.edge_cycles(first, independent) == costs.block_cycles(independent)


@needs_assembler
def test_falling_through_pairs_and_a_taken_branch_does_not(tmp_path: Path) -> None:
    code = assemble("add.w r0, r1, r2; add.w r3, r4, r5; add.w r6, r7, r8", tmp_path)
    costs = costs_of(code)
    first, following, elsewhere = Block(BASE, 4), Block(BASE + 4, 4), Block(BASE + 8, 4)
    assert costs.edge_cycles(first, following) == 0
    assert costs.edge_cycles(first, elsewhere) == 1


@needs_assembler
def test_a_run_is_the_sum_of_its_edges(tmp_path: Path) -> None:
    code = assemble("movs r0, #9; nop; 1: subs.w r0, r0, #1; bne.n 1b; bx lr", tmp_path)
    entry, loop, leave = Block(BASE, 4), Block(BASE + 4, 6), Block(BASE + 10, 2)
    costs = costs_of(code)
    edges = {(None, entry): 1, (entry, loop): 1, (loop, loop): 8, (loop, leave): 1}
    each = costs.edge_cycles(loop, loop)
    expected = costs.block_cycles(entry) + costs.edge_cycles(entry, loop) + 8 * each
    assert cycles_from_edges(costs, edges) == expected + costs.edge_cycles(loop, leave)
    assert cycles_from_blocks(costs, {loop: 8}) == 8 * each


@needs_assembler
def test_plain_integers_give_the_same_costs(tmp_path: Path) -> None:
    costs = costs_of(assemble("add.w r0, r0, #1; sdiv r1, r0, r2", tmp_path))
    first, second = Block(BASE, 4), Block(BASE + 4, 4)
    assert costs(0, 0, *first) == costs.block_cycles(first)
    assert costs(*first, *second) == costs.edge_cycles(first, second)


def test_each_block_is_read_once_until_forgotten() -> None:
    reads: list[int] = []

    def read(address: int, size: int) -> bytes:
        reads.append(address)
        return bytes.fromhex("00bf") * (size // 2)

    costs = BlockCosts(read)
    block = Block(BASE, 8)
    for _ in range(3):
        assert costs.edge_cycles(block, block) == 2
    assert reads == [BASE]
    costs.forget()
    costs.block_cycles(block)
    assert reads == [BASE, BASE]


def test_what_is_no_instruction_still_counts_as_one() -> None:
    undefined = bytes.fromhex("ffffffff 00bf")  # no 32-bit instruction, then NOP
    costs = costs_of(undefined)
    assert costs.instructions(Block(BASE, 6)) == 2


@pytest.mark.parametrize("content", [b"", b"not an elf", b"\x7fELF" + bytes(60)])
def test_a_file_that_is_no_elf_is_refused_with_a_remedy(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(content)
    with pytest.raises(ElfError, match=r"no ELF file|not for Arm"):
        CodeImage(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ElfError, match=r"missing\.elf cannot be read"):
        CodeImage(tmp_path / "missing.elf")
