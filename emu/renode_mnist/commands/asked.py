"""What `run` and `profile` ask a network: a digit, tensors from files, or seeded ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist import paths
from renode_mnist.commands.inputs import from_files
from renode_mnist.errors import DataError, ModelError
from renode_mnist.images import BuildConfig

if TYPE_CHECKING:
    from renode_mnist.model.inputs import Samples
    from renode_mnist.model.interface import TensorSpec
    from renode_mnist.model.preprocess import Digit
    from renode_mnist.session.record import Record
    from renode_mnist.session.session import Session
    from renode_mnist.wire.messages import Stats


@dataclass(frozen=True)
class Asked:
    """What to ask the network: a digit, or tensors of any kind.

    Attributes:
        name: What to call it.
        digit: A picture brought to MNIST's form; None where tensors are sent.
        samples: One set of inputs; None where a digit is sent.
    """

    name: str
    digit: Digit | None = None
    samples: Samples | None = None

    def of(self, session: Session) -> Record:
        """The network's answer."""
        if self.digit is not None:
            return session.classify(self.digit.pixels, self.name)
        assert self.samples is not None
        return session.infer(self.samples.sets[0], self.name)

    def notes(self) -> tuple[str, ...]:
        """How it came to be."""
        if self.digit is not None:
            return (self.digit.describe(),)
        assert self.samples is not None
        return self.samples.notes


@dataclass(frozen=True)
class Specs:
    """What a network takes, and whether it is one for digits."""

    inputs: tuple[TensorSpec, ...]
    takes_digits: bool

    @classmethod
    def of_model(cls, config: BuildConfig) -> Specs:
        """Of a model file."""
        from renode_mnist import codegen
        from renode_mnist.model import interface

        graph = codegen.load(config.model)
        return cls._of(interface.inputs(graph), interface.outputs(graph))

    @classmethod
    def of_firmware(cls, firmware: Stats) -> Specs:
        """Of an image."""
        from renode_mnist.model.interface import TensorSpec

        return cls._of(
            tuple(map(TensorSpec.of_firmware, firmware.inputs)), tuple(map(TensorSpec.of_firmware, firmware.outputs))
        )

    @classmethod
    def _of(cls, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Specs:
        from renode_mnist.session.session import takes_digits

        return cls(inputs, takes_digits([spec.shape for spec in inputs], [spec.shape for spec in outputs]))


def choose(
    specs: Specs,
    picture: Path | None,
    files: tuple[str, ...],
    pixel_range: tuple[float, float] | None,
    seed: int,
    config: BuildConfig | None,
) -> Asked:
    """Decides what to ask.

    Args:
        specs: What the network takes.
        picture: Of ``--image``.
        files: Of ``--input``.
        pixel_range: Of ``--pixel-range``.
        seed: Of ``--seed``.
        config: What the image is built from; None for an ELF from elsewhere.

    Raises:
        RenodeMnistError: What is given does not fit the network.
    """
    from renode_mnist.model import inputs, preprocess

    if files:
        samples = from_files(specs.inputs, files, pixel_range, config.model.read_bytes() if config else None)
        if len(samples.sets) > 1:
            raise DataError(
                f"{len(samples.sets)} samples are given, and one is asked",
                "Give one, or hold all of them to the PC's answers: `renode-mnist verify --data FILE`.",
            )
        return Asked(samples.names[0], samples=samples)
    if specs.takes_digits:
        picture = picture or paths.digits() / "7.png"
        return Asked(picture.name, digit=preprocess.read(picture))
    if picture is not None:
        raise ModelError("this model is none for 28x28 pictures of ten classes", f"Give it as `--input {picture}`.")
    samples = inputs.seeded(specs.inputs, 1, seed)
    return Asked(samples.names[0], samples=inputs.Samples(samples.sets, samples.names, _not_given(samples)))


def _not_given(samples: Samples) -> tuple[str, ...]:
    return tuple(f"no input was given (--input FILE): {note}" for note in samples.notes)
