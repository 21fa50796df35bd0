"""Memory plans, multiply-accumulates, and the C++ that comes of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renode_mnist import codegen, paths
from renode_mnist.codegen import Objective, memory
from renode_mnist.codegen.graph import Tensor
from renode_mnist.codegen.memory import Lifetime, lower_bound, pack
from renode_mnist.codegen.planning import Plan, arrange
from renode_mnist.codegen.program import ARENA_ALIGNMENT, Buffer, Program, Step
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from tflite_builder import ModelBuilder

lifetimes = st.builds(
    lambda first, length, size: Lifetime(first, first + length, size),
    st.integers(0, 12), st.integers(0, 5), st.integers(0, 5000),
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(lifetimes, max_size=14))
def test_no_two_living_buffers_share_a_byte(buffers: list[Lifetime]) -> None:
    offsets, total = pack(buffers)
    for i, a in enumerate(buffers):
        assert offsets[i] % a.alignment == 0
        assert offsets[i] + a.byte_count <= total
        for j in range(i):
            b = buffers[j]
            apart = offsets[i] + a.byte_count <= offsets[j] or offsets[j] + b.byte_count <= offsets[i]
            assert apart or not a.overlaps(b)
    assert total >= lower_bound(buffers)


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    sizes = [784, 21632, 5408, 7744, 1600, 576]
    chain = [Lifetime(max(0, i - 1), i, size) for i, size in enumerate(sizes)]
    assert pack(chain)[1] == 21632 + 5408


def test_the_search_finds_what_none_of_the_first_orders_does() -> None:
    buffers = [Lifetime(1, 4, 40), Lifetime(4, 7, 40), Lifetime(4, 4, 40), Lifetime(0, 2, 56)]
    offsets, total = pack(buffers)
    assert total == lower_bound(buffers) == 120, "each of the four orders takes 136"
    assert max(offset + each.byte_count for offset, each in zip(offsets, buffers, strict=True)) == total


@pytest.mark.parametrize(
    ("count", "size", "tried"),
    [(2, 10**9, 4), (3, 10**9, 404), (100, 10**9, 204), (1000, 10**9, 6), (1000, 8000, 4)],
    ids=["two", "few", "hundred", "thousand", "at the bound"],
)
def test_the_search_ends_at_the_bound_or_in_seconds(
    count: int, size: int, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[tuple[int, ...]] = []

    def never_better(buffers: list[Lifetime], order: list[int]) -> tuple[list[int], int]:
        orders.append(tuple(order))
        return [0] * len(buffers), size

    monkeypatch.setattr(memory, "first_fit", never_better)
    assert pack([Lifetime(0, 0, 8)] * count) == ([0] * count, size)
    assert len(orders) == tried
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(count))}
    walk = [orders[0], *orders[4:]]
    assert all(moved(*pair) == 2 for pair in pairwise(walk)), "a round exchanges two of what was no worse"


def moved(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_four_orders_are_tried_and_the_smallest_arena_of_them_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    buffers = [Lifetime(0, 0, 10), Lifetime(2, 4, 4), Lifetime(5, 6, 4), Lifetime(2, 2, 6), Lifetime(4, 4, 9)]
    orders: list[tuple[int, ...]] = []
    arenas = iter([([3], 50), ([9], 40), ([1], 60), ([2], 45)])

    def first_fit(_buffers: list[Lifetime], order: list[int]) -> tuple[list[int], int]:
        orders.append(tuple(order))
        return next(arenas, ([0], 41))

    monkeypatch.setattr(memory, "first_fit", first_fit)
    assert pack(buffers) == ([9], 40)
    assert orders[:4] == [
        (0, 4, 3, 1, 2),  # the largest first
        (0, 3, 1, 4, 2),  # by begin
        (2, 4, 1, 3, 0),  # the one that ends last first
        (1, 0, 4, 2, 3),  # by bytes times steps
    ]
    assert {moved(orders[0], each) for each in orders[4:]} == {2}


def test_a_buffer_goes_into_a_gap_of_just_its_size() -> None:
    buffers = [Lifetime(0, 0, 16), Lifetime(0, 2, 8), Lifetime(1, 2, 16)]
    assert memory.first_fit(buffers, [0, 1, 2]) == ([0, 16, 0], 24)


def test_nothing_needs_nothing_and_a_life_has_both_its_ends() -> None:
    assert pack([]) == ([], 0)
    assert lower_bound([]) == 0
    early, late = Lifetime(0, 2, 8), Lifetime(2, 3, 8)
    assert early.overlaps(late)
    assert late.overlaps(early)
    assert not early.overlaps(Lifetime(3, 3, 8))
    assert not Lifetime(3, 3, 8).overlaps(early)


def test_packing_is_the_same_every_time() -> None:
    buffers = [Lifetime(i % 5, i % 5 + i % 3, 100 * (i % 7) + 8) for i in range(20)]
    assert pack(buffers) == pack(buffers)


def plan_of(variant: str, engine: str = "reference") -> Plan:
    return codegen.plan(codegen.load(paths.models() / f"mnist_{variant}.tflite"), engine)


# Limits of the issue: the float network never over 112 kB, int8 at most 30 kB.
@pytest.mark.parametrize(("variant", "most_bytes"), [("float32", 112_000), ("size", 112_000), ("int8", 30_000)])
def test_activations_stay_within_their_limits(variant: str, most_bytes: int) -> None:
    plan = plan_of(variant)
    assert plan.arena_bytes <= most_bytes
    assert plan.arena_bytes == -(-plan.lower_bound_bytes // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


@pytest.mark.parametrize("variant", ["float32", "size", "int8", "uint8"])
@pytest.mark.parametrize("engine", codegen.ENGINES)
def test_buffers_of_the_real_networks_do_not_collide(variant: str, engine: str) -> None:
    try:
        plan = plan_of(variant, engine)
    except ModelError:
        assert engine == "cmsis-nn", "only cmsis-nn refuses one of the committed models"
        assert variant in ("float32", "size")
        return
    in_place = {(id(s.writes[0]), id(s.reads[0])) for s in plan.steps if s.in_place}
    for i, a in enumerate(plan.placements):
        assert a.end <= plan.arena_bytes
        for b in plan.placements[:i]:
            at_once = a.first <= b.last and b.first <= a.last
            apart = a.end <= b.offset or b.end <= a.offset
            paired = {(id(a.buffer), id(b.buffer)), (id(b.buffer), id(a.buffer))} & in_place
            assert apart or not at_once or paired


@pytest.mark.parametrize("engine", codegen.ENGINES)
def test_macs_are_those_the_model_asks_for(engine: str) -> None:
    # 26x26x32x9 + 11x11x64x288 + 3x3x64x576 + 576x64 + 64x10
    assert sum(step.macs for step in plan_of("int8", engine).steps) == 2_794_240


def test_a_result_may_take_the_place_of_its_operand() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 1000)), b.activation((1, 1000))
    b.operator("RELU", (x,), (y,))
    assert codegen.plan(parse(b.finish(x, y), "m.tflite")).arena_bytes == 4000


def test_an_operand_that_is_read_again_keeps_its_place() -> None:
    b = ModelBuilder()
    x, y, z = (b.activation((1, 1000)) for _ in range(3))
    b.operator("RELU", (x,), (y,))
    b.add(x, y, z)
    plan = codegen.plan(parse(b.finish(x, z), "m.tflite"))
    spots = [plan.placement(buffer).offset for buffer in plan.steps[1].reads]
    assert len(set(spots)) == 2


def step_that(reads: tuple[Buffer, ...], writes: tuple[Buffer, ...]) -> Step:
    graph = parse(relu_model(), "m.tflite")
    return Step("t", graph.operators, reads, writes, "call();")


def relu_model() -> bytes:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    return b.finish(x, y)


def test_a_program_that_reads_what_nobody_wrote_is_a_defect_and_says_so() -> None:
    first, second, lost = (Buffer(name, "float32", 4) for name in ("a", "b", "c"))
    program = Program((step_that((lost,), (second,)),), (first,), (second,))
    with pytest.raises(ModelError, match=r"reads c before it is written.*Report this"):
        arrange(parse(relu_model(), "m.tflite"), program, "test", Objective.TIME)


@pytest.mark.parametrize("engine", codegen.ENGINES)
def test_emitted_files_are_the_same_every_time_and_keep_their_time_stamps(tmp_path: Path, engine: str) -> None:
    codegen.emit(plan_of("int8", engine), tmp_path)
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
    assert sorted(before) == ["model.cpp", "model_config.hpp", "weights.cpp", "weights.hpp"]
    codegen.emit(plan_of("int8", engine), tmp_path)
    assert {f.name: (f.read_bytes(), f.stat().st_mtime_ns) for f in tmp_path.iterdir()} == before


def test_names_in_a_model_cannot_write_code(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    b._graph.tensors[y].name = 'a"; } int evil() { return 1; } // \\\n??/\n'
    plan = codegen.plan(parse(b.finish(x, y), 'mo\\\ndel".tflite'))
    codegen.emit(plan, tmp_path)
    text = (tmp_path / "model.cpp").read_text()
    for line in text.splitlines():
        assert not line.lstrip().startswith("//") or not line.endswith("\\")
        assert "evil" not in line or line.startswith(('    {"a\\042; } int', '    {/*name=*/"a\\042; } int'))


def test_floats_are_written_so_that_they_read_back_the_same(tmp_path: Path) -> None:
    values = np.array([[1e-38, 0.1, -3.4e38, 16777217, 1 / 3, 1e-45, 0.0, -2.5]], np.float32)
    b = ModelBuilder()
    x, y = b.activation((1, 8)), b.activation((1, 1))
    b.fully_connected(x, b.constant(values), None, y)
    codegen.emit(codegen.plan(parse(b.finish(x, y), "m.tflite")), tmp_path)
    body = (tmp_path / "weights.cpp").read_text().split("{\n", 2)[2].split("}")[0]
    written = [
        np.float32(word.strip().removesuffix("F")) for word in body.replace("\n", " ").split(",") if word.strip()
    ]
    np.testing.assert_array_equal(np.array(written, np.float32), values[0])


def test_tensor_text_names_type_and_shape() -> None:
    tensor = parse(relu_model(), "m.tflite").inputs[0]
    assert isinstance(tensor, Tensor)
    assert str(tensor) == "'t0' (float32 1x4)"
