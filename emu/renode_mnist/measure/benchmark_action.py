"""A history in the format of ``benchmark-action/github-action-benchmark``, for its page and for what reads it.

That action keeps a script ``data.js`` (``src/write.ts``, ``storeDataJs``): ``window.BENCHMARK_DATA = `` and JSON; or,
as its ``external-data-json-path``, the JSON alone. Entries lie by suite, one a commit, each with ``benches`` of name,
value and unit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError
from renode_mnist.measure import kept_file
from renode_mnist.measure.measurement import CaseCost, Measurement
from renode_mnist.measure.metric import Metric

PREFIX = b"window.BENCHMARK_DATA = "
TOOL = "customSmallerIsBetter"
SUITE = "renode-mnist"


class DataFileError(RenodeMnistError):
    """A file that is not in that format."""


def check(file: Path, suite: str = SUITE) -> None:
    """Refuses a file that `keep` would refuse, before anything else is written.

    Args:
        file: See ``keep``.
        suite: Likewise.

    Raises:
        DataFileError: As ``keep``, or it cannot be read.
    """
    try:
        content = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise DataFileError(f"cannot read {file}: {error.strerror}", "Name another file.") from error
    _entries(_read(content, _prefix(file), file), suite, file)


def keep(file: Path, history: Sequence[Measurement], suite: str = SUITE) -> None:
    """Puts a history into such a file, and leaves what else is there: other suites, commits that only it has.

    Args:
        file: ``data.js``, or with the suffix ``.json`` the JSON alone; it need not be there.
        history: The oldest commit first.
        suite: Under which name.

    Raises:
        DataFileError: The file is in another format, or another tool keeps the suite; it stays as it was.
        KeptFileError: It cannot be written, or another process keeps it.
    """
    prefix = _prefix(file)

    def changed(content: bytes) -> bytes:
        data = _read(content, prefix, file)
        was = _entries(data, suite, file)
        ours = {each.commit.id for each in history}
        others = [each for each in was if each["commit"]["id"] not in ours]
        entries = sorted([*others, *map(_entry, history)], key=lambda each: int(each["date"]))
        repository = next((url for each in reversed(history) if (url := _repository(each.commit.url))), "")
        if entries == was and data["repoUrl"] == (repository or data["repoUrl"]):
            return content
        data["entries"][suite] = entries
        data["repoUrl"] = repository or data["repoUrl"]
        data["lastUpdate"] = int(time.time() * 1000)
        return prefix + json.dumps(data, indent=2, ensure_ascii=False).encode()

    kept_file.change(file, changed)


def _prefix(file: Path) -> bytes:
    return b"" if file.suffix == ".json" else PREFIX


def _entries(data: dict[str, Any], suite: str, file: Path) -> list[Any]:
    """Of a suite, if it is this program's."""
    found: list[Any] = data["entries"].get(suite, [])
    if strange := next((each for each in found if each.get("tool") != TOOL), None):
        raise DataFileError(
            f"the suite {suite} of {file} is of the tool {strange.get('tool')}", "Name another by `--suite`."
        )
    return found


def _read(content: bytes, prefix: bytes, file: Path) -> dict[str, Any]:
    """The object in the file; where the action would begin anew in silence, this refuses."""
    if not content.strip():
        return {"lastUpdate": 0, "repoUrl": "", "entries": {}}
    remedy = "Name a file of github-action-benchmark, or one that is not there."
    if not content.startswith(prefix):
        raise DataFileError(f"{file} does not begin with {prefix.decode().strip()}", remedy)
    with outside.reading(
        lambda why: DataFileError(f"{file} is not in the format of github-action-benchmark: {why}", remedy)
    ):
        # Blanks in the place of the prefix, so that a message counts columns as an editor does.
        data = json.loads(b" " * len(prefix) + content[len(prefix) :])
        for each in (each for suite in data["entries"].values() for each in suite):
            if not isinstance(each["commit"]["id"], str) or not isinstance(each["date"], int):
                raise TypeError("an entry has no commit or date")
        data.setdefault("repoUrl", "")
    assert isinstance(data, dict)
    return data


def _entry(measurement: Measurement) -> dict[str, Any]:
    commit = measurement.commit
    # A measurement knows no account and no committer; the action's page shows the latter's user name.
    person = {"name": commit.author, "username": commit.author}
    return {
        "commit": {
            "author": person,
            "committer": person,
            "id": commit.id,
            "message": commit.message,
            "timestamp": commit.timestamp,
            "url": commit.url,
        },
        "date": round(datetime.fromisoformat(commit.timestamp).timestamp() * 1000),
        "tool": TOOL,
        "benches": [bench for cost in measurement.cases for bench in _benches(cost)],
    }


def _benches(cost: CaseCost) -> Iterator[dict[str, Any]]:
    extra = f"{cost.compiler}\n{cost.target}, {cost.clock_mhz} MHz"
    for metric in Metric:
        about = extra + (f"\ncycle model {cost.cycle_model[:12]}" if metric is Metric.CYCLES else "")
        named = [(cost.case, metric.of(cost))]
        if metric.of_layers:
            named += [
                (f"{cost.case} layer {number} {layer.op}", metric.of(layer))
                for number, layer in enumerate(cost.layers)
            ]
        for name, figure in named:
            if figure is not None:
                yield {"name": f"{name}: {metric.label}", "value": figure, "unit": metric.unit, "extra": about}


def _repository(commit_url: str) -> str:
    """Of a commit's page at GitHub or GitLab; empty where the address is of another form."""
    for mark in ("/-/commit/", "/commit/"):
        if mark in commit_url:
            return commit_url.partition(mark)[0]
    return ""
