"""Runs the network, and what its answer must be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from robot.api import logger
from robot.api.deco import keyword

from renode_mnist.errors import DataError
from renode_mnist.model import inputs, tensor_files
from renode_mnist.model.inputs import SEED, Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.robot.asked import BUILT_IN_DIGIT, AskedTensors, digit_pixels, samples_of
from renode_mnist.session.answer import Answer, answer
from renode_mnist.session.labels import labels_for
from renode_mnist.session.record import Record


class InferenceKeywords(AskedTensors):
    """`Infer` and `Classify Digit` keep a record; the others are about the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._inferences = 0
        """Of the running test, whichever target was open."""
        self._inferred: Record | None = None
        """The last of them."""

    @keyword
    def infer(
        self, given: object = None, *, seed: int | None = None, sample: int | None = None, **tensors: object
    ) -> Record:
        """Runs the network once and keeps the record, which it returns, for the keywords about the last answer.

        | `Infer` | | | a built-in sample: the 7 for a network of digits, else numbers of seed 1 |
        | `Infer` | seed=5 | | numbers over each input's whole range, the same for the same seed |
        | `Infer` | ${CURDIR}/wave.npy | | a file of any kind that ``renode-mnist run --input`` takes |
        | `Infer` | ${CURDIR}/test.npz | sample=3 | the fourth of several samples |
        | `Infer` | left=${array} | right=${CURDIR}/b.npy | arrays or files by the inputs' names |
        | `Infer` | ${dictionary} | | the same where a name is one of this keyword's own, as ``seed`` |

        Floating-point numbers are quantised with the tensor's scale; an array of the tensor's own type is taken as
        the tensor stores it. State lives on between calls; see `Reset State`.
        """
        if sum((given is not None, seed is not None, bool(tensors))) > 1:
            raise DataError("several things to infer are given", "Give a file, a seed, or arrays by name.")
        if isinstance(given, Mapping):
            tensors = dict(given)
            given = None
        if given is None and seed is None and not tensors and self._takes_digits:
            return self.classify_digit(str(BUILT_IN_DIGIT))
        if tensors:
            asked = self._by_name(tensors)
        elif given is None:
            asked = self._seeded(SEED if seed is None else seed)
        elif isinstance(given, str | Path):
            asked = self._from_file(given)
        else:
            asked = inputs.from_arrays(self._input_specs, np.asarray(given))
        for note in asked.notes:
            logger.info(note)
        return self._kept(self._opened.infer(samples_of(asked, sample), asked.names[sample or 0]))

    @keyword
    def classify_digit(self, picture: str) -> Record:
        """Classifies a sample digit (``7``) or a picture file, and keeps the record as `Infer` does.

        Only for networks of 28x28 pictures and ten classes.
        """
        digit, name = digit_pixels(str(picture))
        return self._kept(self._opened.classify(digit.pixels, name))

    @keyword
    def reset_state(self) -> None:
        """Gives what lives between inferences (LSTM, SVDF, variables) its initial values; others have nothing."""
        self._opened.reset_state()

    @keyword
    def class_should_be(self, expected: str, labels: str | None = None) -> None:
        """Fails unless this is the class with the highest score of the last answer.

        ``expected`` is an index or a name. Names come from the file ``labels``, a line a class, else from the model's
        own metadata. Of several outputs the one that a softmax makes or that has names is meant.
        """
        output = self._answer(labels).classes()
        index = output.index_of(str(expected))
        if output.winner != index:
            raise AssertionError(f"class is {output.label(output.winner)}, expected {output.label(index)}")

    @keyword
    def scores_should_sum_to_one(self, within: float = 0.02) -> None:
        """Fails unless the scores sum to one; int8 scores are multiples of 1/256, so they may miss it."""
        total = float(np.sum(self._answer().classes().reals, dtype=np.float64))
        if not abs(total - 1) <= within:
            raise AssertionError(f"scores sum to {total:.6f}, not to 1 within {within}")

    @keyword
    def output_should_equal(self, expected: object, output: str | None = None) -> None:
        """Fails unless the last answer is this to the byte.

        ``expected`` is a record of `Infer`, of which all outputs are compared; or a file or an array as the output
        stores it, or by real numbers, which are quantised. ``output`` chooses one by its name or its number where
        there are several.
        """
        stored = self._last_record.outputs
        for position, spec in self._chosen(output, all_of=isinstance(expected, Record)):
            if isinstance(expected, Record):
                wanted = _same_network(expected, self._last_record).outputs[position]
            else:
                wanted = _one(_stored(spec, expected), spec)
            found = stored[position]
            if found.tobytes() != wanted.tobytes():
                differing = int(np.count_nonzero(found != wanted))
                raise AssertionError(
                    f"output '{spec.name}' differs in {differing:,} of {found.size:,} elements: "
                    f"{_shown(found)} in place of {_shown(wanted)}"
                )

    @keyword
    def output_should_be_near(self, expected: object, within: float, output: str | None = None) -> None:
        """Fails where a real number of the last answer is more than ``within`` from what is expected.

        ``expected`` is a record, a file or an array as for `Output Should Equal`; real numbers are compared as they
        are given, not quantised. ``within`` is in the output's own unit.
        """
        stored = self._last_record.outputs
        for position, spec in self._chosen(output, all_of=isinstance(expected, Record)):
            if isinstance(expected, Record):
                wanted = spec.reals(_same_network(expected, self._last_record).outputs[position])
            else:
                wanted = _reals(spec, expected)
            found = spec.reals(stored[position])
            apart = np.abs(found - wanted)
            if not np.all(apart <= within):  # also where it is no number
                worst = np.unravel_index(int(np.argmax(np.nan_to_num(apart, nan=np.inf))), apart.shape)
                raise AssertionError(
                    f"output '{spec.name}' is {found[worst]:.6g} at {[int(i) for i in worst]}, expected "
                    f"{wanted[worst]:.6g} within {within:g}"
                )

    @property
    def _last_record(self) -> Record:
        if self._record is None:
            raise RuntimeError("nothing was inferred yet; use `Infer` or `Classify Digit` first")
        return self._record

    def _answer(self, labels: str | None = None) -> Answer:
        record = self._last_record
        names = {}
        if labels is not None or self._model is not None:
            names = labels_for(None if labels is None else Path(labels), self._model or Path())(record.firmware)
        return answer(self._output_specs, record.outputs, record.inference.layers, names)

    def _fresh(self, tensors: Tensors, name: str) -> Record:
        """An inference from the initial state, kept as the last."""
        if self._opened.firmware.state_bytes:
            self._opened.reset_state()
        return self._kept(self._opened.infer(tensors, name))

    def _kept(self, record: Record) -> Record:
        self._record = self._inferred = record
        self._inferences += 1
        return record

    def _chosen(self, output: str | None, *, all_of: bool = False) -> list[tuple[int, TensorSpec]]:
        """Outputs with their positions: the one of a name or a number; all, or the only one, where none is named."""
        specs = list(enumerate(self._output_specs))
        if output is None and (all_of or len(specs) == 1):
            return specs
        found = [(number, spec) for number, spec in specs if output in (spec.name, str(number))]
        if output is None or len(found) != 1:
            raise DataError(
                f"the network has {len(specs)} outputs, and {output or 'none'} is named",
                f"Name one: {', '.join(f'output={spec.name}' for _, spec in specs)}, or its number.",
            )
        return found


def _same_network(expected: Record, last: Record) -> Record:
    if expected.firmware.outputs != last.firmware.outputs:
        raise AssertionError(f"the record is of {expected.firmware.model_name}, whose outputs are others")
    return expected


def _stored(spec: TensorSpec, expected: object) -> inputs.Samples:
    if isinstance(expected, str | Path):
        return inputs.from_files([spec], {"": Path(expected)})
    return inputs.from_arrays([spec], np.asarray(expected))


def _one(samples: inputs.Samples, spec: TensorSpec) -> npt.NDArray[np.generic]:
    if len(samples.sets) != 1:
        raise DataError(f"{len(samples.sets)} answers are given for {spec}", "Give one.")
    return samples.sets[0][0]


def _reals(spec: TensorSpec, expected: object) -> npt.NDArray[np.float64]:
    """What is expected, as real numbers, not rounded to what the tensor can store."""
    if isinstance(expected, str | Path):
        found = tensor_files.read(Path(expected)).by_name
        content = found.get(spec.name) if spec.name in found else next(iter(found.values()), None)
        if len(found) > 1 and spec.name not in found:
            raise DataError(f"{expected} holds several arrays, none of them '{spec.name}'", "Give a file with one.")
        values = content.values if isinstance(content, tensor_files.Numbers) else content
    else:
        values = np.asarray(expected)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise DataError("what is expected are no numbers", f"Give an array for {spec}.")
    if values.size != spec.element_count:
        raise DataError(f"{values.size:,} numbers are expected of {spec}", f"Give {spec.element_count:,}.")
    shaped = values.reshape(spec.shape)
    return spec.reals(shaped) if shaped.dtype == spec.dtype and spec.is_quantised else shaped.astype(np.float64)


def _shown(values: npt.NDArray[np.generic]) -> str:
    return np.array2string(values.reshape(-1), threshold=16, edgeitems=8, separator=", ", max_line_width=10**6)
