"""What `verify` found as one self-contained HTML page with plots over the layers."""

from __future__ import annotations

from renode_mnist.measure.verify import Verification
from renode_mnist.model.difference import Verdict
from renode_mnist.report import identity, pages, verification, verification_charts


def render(found: Verification) -> str:
    """The page."""
    firmware = found.connection.firmware
    parted = found.verdict is Verdict.DIFFERENT and found.first is not None
    return pages.render(
        "verification.html",
        identity=[*identity.rows(found.connection.target, firmware), ("yardstick", found.yardstick)],
        firmware=firmware,
        verdict=verification.verdict(found),
        first=verification.first_difference(found.first) if parted and found.first else "",
        default=(
            verification.default_runtime(found.default_runtime, len(found.samples)) if found.default_runtime else ""
        ),
        errors=verification_charts.errors(found),
        tensors=verification.tensors(found),
        quantisation=verification.quantisation(found) if found.quantisation else None,
        noise=verification_charts.noise(found) if found.quantisation else None,
        notes=[*found.notes, f"samples: {', '.join(found.samples)}"],
    )
