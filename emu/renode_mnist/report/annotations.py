"""Findings where a reader looks: as workflow commands, which GitHub shows on lines, and as compilers print them."""

from __future__ import annotations

from renode_mnist.measure.findings import Finding
from renode_mnist.plain_text import harmless


def github(finding: Finding) -> str:
    """A workflow command; what would end it or a property is percent-encoded, as GitHub's runner decodes it."""
    place = {"file": finding.file, "line": str(finding.line)} if finding.file and finding.line else {}
    properties = {**place, "title": finding.title}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{finding.level} {said}::{_data(finding.text)}"


def plain(finding: Finding) -> str:
    """``budgets.toml:12: error: text``."""
    place = f"{finding.file}:{finding.line}: " if finding.file and finding.line else ""
    return harmless(f"{place}{finding.level}: {finding.title}: {finding.text}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
