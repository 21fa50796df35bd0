"""What training, conversion and evaluation gave, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist.model.card import Converted, Trained
from renode_mnist.model.confusion import Confusion
from renode_mnist.model.export import Variant
from renode_mnist.model.train import Progress
from renode_mnist.report import grid, html
from renode_mnist.report.grid import Grid

if TYPE_CHECKING:
    from renode_mnist.report.plots import Plot


@dataclass(frozen=True)
class Training:
    """Trained networks.

    Attributes:
        folder: Where their files and their model card are.
        records: How each was made and what it scores.
        progress: Batch by batch.
    """

    folder: Path
    records: tuple[Trained, ...]
    progress: tuple[Progress, ...]

    @property
    def file(self) -> Path:
        """The plain network, a ``.keras`` file."""
        return self.folder / self.records[0].file

    def plot(self) -> Plot:
        """Accuracy batch by batch."""
        from renode_mnist.report import plots

        return plots.training(self.progress)

    def __repr__(self) -> str:
        """A line a network."""
        return "\n".join(f"<Trained: {self.folder / record.file}, {_summary(record)}>" for record in self.records)

    def _repr_html_(self) -> str:
        parts = [
            part
            for record in self.records
            for part in (
                html.facts(
                    [
                        ("network", record.file),
                        ("result", _right(record.correct, record.count)),
                        ("made by", f"{record.method}; {record.epochs} epochs, seed {record.seed}"),
                        ("weights", f"SHA-256 {record.weights_sha256[:12]}…"),
                        ("with", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
                    ]
                ),
                html.table(confusion(record.confusion)),
            )
        ]
        return html.piece(*parts)


@dataclass(frozen=True)
class Conversion:
    """``.tflite`` files made from a network.

    Attributes:
        source: The Keras file.
        source_bytes: Its size.
        folder: Where the files are.
        records: By variant.
    """

    source: Path
    source_bytes: int
    folder: Path
    records: Mapping[Variant, Converted]

    def file(self, variant: Variant) -> Path:
        """A variant's ``.tflite`` file."""
        return self.folder / self.records[variant].file

    def sizes(self) -> Grid:
        """The article's table, with accuracy: sizes against the Keras file, as there."""
        rows = [("Keras", self.source.name, f"{self.source_bytes:,}", "1.00", "", "")]
        for variant, record in self.records.items():
            ratio = self.source_bytes / record.bytes
            rows.append(
                (
                    variant,
                    record.file,
                    f"{record.bytes:,}",
                    f"{ratio:.2f}",
                    f"{1 - 1 / ratio:.1%}",
                    f"{record.correct / record.count:.2%}",
                )
            )
        headings = ("variant", "file", "bytes", "ratio", "saving", "test accuracy")
        return Grid(headings, tuple(rows), labels=2, title=f"{self.source.name} converted")

    def __repr__(self) -> str:
        """The table."""
        return grid.text(self.sizes())

    def _repr_html_(self) -> str:
        return html.piece(html.table(self.sizes()))


@dataclass(frozen=True)
class Accuracy:
    """How many pictures of a test set a model got right.

    Attributes:
        model_name: Its file.
        model_sha256: Of the file.
        runtime: What computed: LiteRT with its version, or an engine on a target.
        data: The test set's name.
        evaluation: The counts.
    """

    model_name: str
    model_sha256: str
    runtime: str
    data: str
    evaluation: Confusion

    def __repr__(self) -> str:
        """One line."""
        right = _right(self.evaluation.correct, self.evaluation.count)
        return f"<Accuracy: {right}; {self.model_name} on {self.data} by {self.runtime}>"

    def _repr_html_(self) -> str:
        return html.piece(
            html.facts(
                [
                    ("result", _right(self.evaluation.correct, self.evaluation.count)),
                    ("model", f"{self.model_name} (SHA-256 {self.model_sha256[:12]}…)"),
                    ("computed by", self.runtime),
                    ("test set", self.data),
                ]
            ),
            html.table(confusion(self.evaluation.confusion.tolist())),
        )


def confusion(counts: Sequence[Sequence[int]]) -> Grid:
    """Answers by true class; what never happened is a dot."""
    rows = tuple((str(true), *(f"{count:,}" if count else "·" for count in row)) for true, row in enumerate(counts))
    return Grid(("true \\ answered", *map(str, range(len(counts)))), rows)


def _right(correct: int, count: int) -> str:
    return f"{correct:,} of {count:,} test pictures right, {correct / count:.2%}"


def _summary(record: Trained) -> str:
    return f"{_right(record.correct, record.count)}; seed {record.seed}, {record.epochs} epochs"
