"""docs/peripherals.md says what the models are."""

from __future__ import annotations

import peripherals_page


def test_the_page_is_made_from_the_models() -> None:
    assert peripherals_page.file().read_text() == peripherals_page.page(), "make docs-tables"
