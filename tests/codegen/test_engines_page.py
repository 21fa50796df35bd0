"""Tables of docs/engines.md are those of the budgets that `make bench-networks` holds."""

from __future__ import annotations

import compared_bench
from renode_mnist.measure import budgets


def test_tables_of_the_page_are_up_to_date() -> None:
    text = compared_bench.page_file().read_text()
    assert compared_bench.page(text) == text, "make docs-tables"


def test_no_layer_of_the_compared_networks_falls_back() -> None:
    cases = budgets.load(compared_bench.BUDGETS).cases
    ours = [bounds for name in compared_bench.files() for bounds in cases[f"{name}/m7"].values()]
    assert ours
    assert {bounds.fallbacks for bounds in ours} == {0}
