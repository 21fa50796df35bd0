"""What a run of the suites came to, as one self-contained HTML page beside Robot's own, which it links.

Robot's report tells which keyword failed; this page what was on the line meanwhile, and what an inference cost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from renode_mnist.report import pages
from renode_mnist.session.evidence import Evidence
from renode_mnist.suites.plan import Test
from renode_mnist.suites.report import Verdict


def anchor(test: Test) -> str:
    """Where the page tells of a test: the end of its address."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(test).lower()).strip("-")


def render(
    name: str,
    counts: str,
    identity: Sequence[tuple[str, str]],
    verdicts: Sequence[Verdict],
    evidence: Mapping[Test, Evidence],
) -> str:
    """The page.

    Args:
        name: Of the run.
        counts: How many tests passed and did not, in words.
        identity: Who answered.
        verdicts: In order.
        evidence: Of the tests that had a target.
    """
    suites: list[dict[str, Any]] = []
    for verdict in verdicts:
        title = " / ".join(verdict.test[:-1]) or name
        if not suites or suites[-1]["name"] != title:
            suites.append({"name": title, "tests": []})
        suites[-1]["tests"].append(_shown(verdict, evidence.get(verdict.test) if verdict.status != "SKIP" else None))
    who = [(title[0].lower() + title[1:], said) for title, said in identity]  # Robot's begin large, pages' small
    return pages.render("suites.html", identity=who, name=name, counts=counts, suites=suites)


def _shown(verdict: Verdict, kept: Evidence | None) -> dict[str, Any]:
    return {
        **vars(kept or Evidence(verdict.test, 0, None)),
        "kept": kept is not None,
        "name": verdict.test[-1],
        "anchor": anchor(verdict.test),
        "log": verdict.log,
        "status": verdict.status,
        "message": verdict.message,
    }
