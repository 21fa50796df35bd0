"""What the network must answer to a whole file: golden vectors, labelled samples, targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from robot.api import logger
from robot.api.deco import keyword

from renode_mnist.errors import DataError
from renode_mnist.measure import quality
from renode_mnist.model import difference, golden
from renode_mnist.model.difference import FLOAT_BOUND_ULP, Verdict
from renode_mnist.model.interface import TensorSpec
from renode_mnist.robot.asked import array_in
from renode_mnist.robot.inference import InferenceKeywords


class DataKeywords(InferenceKeywords):
    """Each sample is an inference from the initial state; the last of them is then the last answer."""

    @keyword
    def golden_vectors_should_match(self, file: str, ulp: float = FLOAT_BOUND_ULP) -> None:
        """Fails unless every sample of golden vectors gets the answer that it has there.

        ``renode-mnist golden`` makes the file: inputs with the answers of LiteRT's reference kernels. Whole numbers
        must be equal to the bit; floating-point ones may be ``ulp`` units in the last place of the output's largest
        number apart. Vectors of another model are refused.
        """
        vectors = golden.read(Path(file))
        firmware = self._opened.firmware
        vectors.check_model(firmware.model_sha256, firmware.model_name)
        logger.info(f"{len(vectors)} samples by {vectors.identity.yardstick}, {vectors.identity.tool}")
        wrong: dict[int, str] = {}
        for number, tensors in enumerate(vectors.inputs):
            record = self._fresh(tensors, f"golden sample {number}")
            for spec, found in vectors.differences(number, record.outputs, ulp):
                logger.info(f"sample {number}, output '{spec.name}': {found.verdict}")
                if found.verdict is Verdict.DIFFERENT and number not in wrong:
                    wrong[number] = (
                        f"output '{spec.name}' of sample {number} is off by {difference.units_text(found)} "
                        f"({found.most_real:.6g}) in {found.differing:,} of {found.elements:,} elements"
                    )
        if wrong:
            first = next(iter(wrong.values()))
            raise AssertionError(
                f"{len(wrong)} of {len(vectors)} golden samples are answered otherwise; {first}; "
                "`renode-mnist verify` names the layer"
            )

    @keyword
    def accuracy_should_be_at_least(
        self, least: float, data: str, labels: str = "labels", output: str | None = None
    ) -> float:
        """Fails where a smaller share of labelled samples, 0 to 1, is classified as labelled; returns the share.

        ``data`` is a file with the inputs by their names, a leading axis of N for N samples, and with the array
        ``labels``, the index of each sample's class; or ``labels`` is a file of its own.
        """
        chosen = _only(self._chosen(output))
        _, answers = self._answers(data, chosen)
        wanted = array_in(data, labels)
        classes = np.array([int(each.argmax()) for each in answers])
        accuracy = quality.accuracy(classes, wanted)
        right = round(accuracy * len(classes))
        logger.info(f"{right} of {len(classes)} samples right: {accuracy:.4f}, at least {least:g} asked")
        if not accuracy >= least:
            raise AssertionError(f"accuracy is {accuracy:.4f} ({right} of {len(classes)}), less than {least:g}")
        return accuracy

    @keyword
    def mean_absolute_error_should_be_at_most(
        self, most: float, data: str, targets: str | None = None, output: str | None = None
    ) -> float:
        """Fails where the mean absolute error over all samples is greater; returns it. For regressions.

        ``data`` is a file as for `Accuracy Should Be At Least`; ``targets`` is its array of what the output should
        be, in real numbers. Without it the input itself is: for autoencoders.
        """
        position, spec = _only(self._chosen(output))
        given, answers = self._answers(data, (position, spec))
        if targets is None:
            wanted = self._as_output(given, spec)
        else:
            wanted = np.asarray(array_in(data, targets), np.float64)
            if wanted.size == answers.size:
                wanted = wanted.reshape(answers.shape)
        error = quality.mean_absolute_error(answers, wanted)
        logger.info(f"mean absolute error {error:.6g} over {len(answers)} samples, at most {most:g} asked")
        if not error <= most:
            raise AssertionError(f"the mean absolute error is {error:.6g}, more than {most:g}")
        return error

    @keyword
    def area_under_curve_should_be_at_least(
        self,
        least: float,
        data: str,
        labels: str = "labels",
        output: str | None = None,
        element: int | None = None,
    ) -> float:
        """Fails where the area under the ROC curve is smaller; returns it. For detectors.

        ``data`` is a file as for `Accuracy Should Be At Least`, with a label of 1 where something is to be detected,
        else 0. A sample's score is the output's ``element`` (of one flat output the only one); or, where the output
        has the input's shape and no element is named, the mean squared error of the reconstruction: for autoencoders.
        """
        position, spec = _only(self._chosen(output))
        given, answers = self._answers(data, (position, spec))
        flat = answers.reshape(len(answers), -1)
        if element is None and spec.element_count == 1:
            element = 0
        if element is None:
            errors = answers - self._as_output(given, spec)
            scores = np.mean(errors.reshape(len(errors), -1) ** 2, axis=1)
        elif 0 <= element < spec.element_count:
            scores = flat[:, element]
        else:
            raise DataError(f"{spec} has no element {element}", f"Name one of 0 to {spec.element_count - 1}.")
        area = quality.area_under_curve(scores, array_in(data, labels))
        logger.info(f"area under the curve {area:.4f} over {len(scores)} samples, at least {least:g} asked")
        if not area >= least:
            raise AssertionError(f"the area under the curve is {area:.4f}, less than {least:g}")
        return area

    def _answers(
        self, data: str, chosen: tuple[int, TensorSpec]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The first input, and an output, of every sample of a file, as real numbers."""
        position, spec = chosen
        asked = self._from_file(data)
        for note in asked.notes:
            logger.info(note)
        source = self._input_specs[0]
        given = np.stack([source.reals(tensors[0]) for tensors in asked.sets])
        answers = [
            spec.reals(self._fresh(tensors, name).outputs[position])
            for tensors, name in zip(asked.sets, asked.names, strict=True)
        ]
        return given, np.stack(answers)

    def _as_output(self, given: npt.NDArray[np.float64], spec: TensorSpec) -> npt.NDArray[np.float64]:
        """The inputs in the place of what an autoencoder should answer."""
        if len(self._input_specs) != 1 or given[0].size != spec.element_count:
            raise DataError(
                f"the output {spec} is no reconstruction of the input {self._input_specs[0]}",
                "Name an array with targets (targets=), or the output's element that is the score (element=).",
            )
        return given.reshape(len(given), *spec.shape)


def _only(chosen: list[tuple[int, TensorSpec]]) -> tuple[int, TensorSpec]:
    return chosen[0]
