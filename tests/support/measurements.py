"""Measurements and reports as `renode-mnist ci` writes them, without measuring anything."""

from __future__ import annotations

from typing import Any

COMMIT = {
    "id": "a" * 40,
    "message": "A change",
    "author": "A. Person",
    "timestamp": "2026-01-01T00:00:00+00:00",
    "url": "https://github.com/team/product/commit/" + "a" * 40,
}


def layer(op: str, instructions: int | None = 100, cycles: int | None = 80) -> dict[str, Any]:
    return {"op": op, "instructions": instructions, "cycles_modelled": cycles}


def case(name: str = "int8/m7", **changed: Any) -> dict[str, Any]:
    """A case of two layers."""
    layers = changed.pop("layers", [layer("CONV_2D", 1000, 800), layer("SOFTMAX", 100, 90)])
    known = {"target": "embedded", "compiler": "GNU 12.2.1", "cycle_model": "c" * 64, "clock_mhz": 216}
    known |= {"instructions": 1100, "cycles_modelled": 890, "flash_bytes": 30_000, "ram_bytes": 9_000}
    return {"case": name, **known, "accuracy": None, "verdict": "passed", "reasons": [], "layers": layers, **changed}


def measurement(*cases: dict[str, Any], **changed: Any) -> dict[str, Any]:
    schema = "renode-mnist/measurement/1"
    return {"schema": schema, "commit": COMMIT, "package": "1.2.3", "cases": list(cases), **changed}


def report(head: dict[str, Any], *base: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Held against what was kept of a commit, where there are cases of one."""
    kept = {"kind": "kept" if base else "none", "commit": {**COMMIT, "id": "b" * 40} if base else None}
    failed = any(each["verdict"] == "failed" for each in head["cases"])
    return {
        "schema": "renode-mnist/report/1",
        "verdict": "failed" if failed else "passed",
        "head": head,
        "base": {**kept, "wanted": "", "cases": list(base)},
        "problems": [],
        "threshold_percent": 1.0,
        **changed,
    }
