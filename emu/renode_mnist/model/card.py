"""The model card: a JSON record of how each file was made and what it scores, and the README made from it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from renode_mnist import outside
from renode_mnist.errors import ModelError

RECORD = "card.json"
README = "README.md"


@dataclass(frozen=True)
class Trained:
    """How a Keras file was made.

    Attributes:
        file: Its name.
        command: What makes it again.
        method: Optimizer, batch and what the weights started from.
        seed: Of every generator.
        epochs: Over the whole training set.
        bytes: The file's size, without optimizer state.
        weights_sha256: See ``train.weights_digest``.
        correct: Test pictures with the right class, of ``count``.
        count: Test pictures.
        confusion: [true class][answered class], counts over the test set.
        versions: Of Python and the packages the result depends on.
        machine: Processor family; other families may sum in another order.
    """

    file: str
    command: str
    method: str
    seed: int
    epochs: int
    bytes: int
    weights_sha256: str
    correct: int
    count: int
    confusion: list[list[int]]
    versions: dict[str, str]
    machine: str


@dataclass(frozen=True)
class Converted:
    """How a .tflite file was made; ``correct`` of ``count`` test pictures by LiteRT without delegates."""

    file: str
    command: str
    source: str
    source_weights_sha256: str
    bytes: int
    sha256: str
    correct: int
    count: int
    versions: dict[str, str]


@dataclass
class Card:
    """What is known of the models in one folder.

    Attributes:
        data: The data set's name.
        digests: SHA-256 of its files.
        trained: By name, ``float32`` and ``qat``.
        converted: By variant.
        samples: Index in the test set of each sample digit, where they were written.
        notes: What a reader should know besides; written by hand, all else isn't.
    """

    data: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    trained: dict[str, Trained] = field(default_factory=dict)
    converted: dict[str, Converted] = field(default_factory=dict)
    samples: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, directory: Path) -> Card:
        """The card in ``directory``, or an empty one.

        Raises:
            ModelError: The record is damaged.
        """
        path = directory / RECORD
        if not path.exists():
            return cls()
        with outside.reading(
            lambda why: ModelError(f"{path} is no model card ({why})", "Delete it, it is written again.")
        ):
            raw = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                raw["data"],
                raw["digests"],
                {name: Trained(**record) for name, record in raw["trained"].items()},
                {name: Converted(**record) for name, record in raw["converted"].items()},
                raw["samples"],
                raw["notes"],
            )

    def save(self, directory: Path) -> None:
        """Writes the record and the README."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (directory / RECORD).write_text(_rows_on_one_line(text) + "\n", encoding="utf-8")
        (directory / README).write_text(self.readme(), encoding="utf-8")

    def readme(self) -> str:
        """The card as Markdown."""
        parts = [_INTRODUCTION.format(data=self.data), *(f"{note}\n" for note in self.notes)]
        parts += [_trained_section(record) for record in self.trained.values()]
        if self.converted:
            parts.append(self._converted_section())
        if self.samples:
            parts.append(
                "## Sample digits\n\n`digits/0.png` to `digits/9.png` are the test pictures "
                f"{', '.join(map(str, self.samples))}, each the closest to the mean of its class: "
                "`renode-mnist data --samples models/digits`.\n"
            )
        parts.append(self._again_section())
        return "\n".join(parts)

    def _converted_section(self) -> str:
        keras = next(iter(self.trained.values()))
        lines = [
            "## TensorFlow Lite files\n",
            "Batch fixed at 1, dense layers quantised per tensor. Ratio and saving are against the Keras "
            "file, as in the article.\n",
            "| variant | file | bytes | ratio | saving | test accuracy | SHA-256 |",
            "| --- | --- | ---: | ---: | ---: | ---: | --- |",
            f"| Keras | `{keras.file}` | {keras.bytes:,} | 1.00 | | {keras.correct / keras.count:.2%} | |",
        ]
        for variant, record in self.converted.items():
            ratio = keras.bytes / record.bytes
            lines.append(
                f"| {variant} | `{record.file}` | {record.bytes:,} | {ratio:.2f} | {1 - 1 / ratio:.1%} "
                f"| {record.correct / record.count:.2%} | `{record.sha256[:16]}…` |"
            )
        return "\n".join(lines) + "\n"

    def _again_section(self) -> str:
        records: list[Trained | Converted] = [*self.trained.values(), *self.converted.values()]
        commands = list(dict.fromkeys(record.command for record in records))
        files = "\n".join(f"| `{name}` | `{digest}` |" for name, digest in self.digests.items())
        return (
            "## To make them again\n\n"
            + "".join(f"    {command}\n" for command in commands)
            + "\nThe same machine and versions give the same weights, and the same weights the same .tflite "
            "bytes. Another processor may sum in another order: training ends within a few pictures of this, and "
            "int8 and uint8, whose scales come from running the network on digits, were 4 bytes off on one.\n\n"
            f"Data, by SHA-256:\n\n| file | SHA-256 |\n| --- | --- |\n{files}\n"
        )


_INTRODUCTION = """\
# Model card

Written by `renode-mnist train` and `renode-mnist export` from `card.json`; don't edit.

The network of "Machine Learning on Embedded (Part 3)": three 3x3 convolutions (32, 64, 64), two 2x2 max
pools, two dense layers (64, 10), ReLU and softmax; 93,322 parameters. It takes 28x28 grey pictures, white on
black, [0, 255] scaled to [0, 1], and answers with ten scores. Trained on {data} only: a picture that was not
brought to its form (`renode_mnist.model.preprocess`), a letter or a face gets a class too, a meaningless one.
"""


def _trained_section(record: Trained) -> str:
    head = "| true \\ answered | " + " | ".join(map(str, range(len(record.confusion)))) + " |"
    rule = "| --- |" + " ---: |" * len(record.confusion)
    rows = [f"| **{i}** | " + " | ".join(map(str, row)) + " |" for i, row in enumerate(record.confusion)]
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return "\n".join(
        [
            f"## {record.file}\n",
            f"{record.correct:,} of {record.count:,} test pictures right: "
            f"**{record.correct / record.count:.2%}**. "
            f"Seed {record.seed}, {record.epochs} epochs, {record.method}.\n",
            f"Weights SHA-256 `{record.weights_sha256}`, made on {record.machine} with {versions}.\n",
            head,
            rule,
            *rows,
            "",
        ]
    )


def _rows_on_one_line(text: str) -> str:
    """Joins lists of numbers, so that a confusion matrix looks like one."""
    return re.sub(r"\[\s+((?:\d+,\s+)*\d+)\s+\]", lambda list_: f"[{' '.join(list_[1].split())}]", text)
