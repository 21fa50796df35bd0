"""Classifies a digit, and what its answer, its scores and its instructions must be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from robot.api import SkipExecution, logger
from robot.api.deco import keyword

from renode_mnist import paths
from renode_mnist.model import preprocess
from renode_mnist.robot.capabilities import CapabilityKeywords
from renode_mnist.session.record import Record


class ClassificationKeywords(CapabilityKeywords):
    """`Classify Digit` keeps a record; the others are about the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._record: Record | None = None

    @keyword
    def classify_digit(self, picture: str) -> Record:
        """Classifies a sample digit (``7``) or a picture file, and keeps the record for the keywords below."""
        file = paths.digits() / f"{picture}.png" if re.fullmatch(r"\d", str(picture)) else Path(picture)
        self._record = self._opened.classify(preprocess.read(file).pixels, file.name)
        return self._record

    @keyword
    def class_should_be(self, expected: int) -> None:
        """Fails unless the last digit was classified as this."""
        winner = self._last_record.inference.winner
        if winner != expected:
            raise AssertionError(f"class is {winner}, expected {expected}")

    @keyword
    def scores_should_sum_to_one(self, within: float = 0.02) -> None:
        """Fails unless the scores sum to one; int8 scores are multiples of 1/256, so they may miss it."""
        total = float(np.sum(self._last_record.inference.scores, dtype=np.float64))
        if abs(total - 1) > within:
            raise AssertionError(f"scores sum to {total:.6f}, not to 1 within {within}")

    @keyword
    def output_should_equal(self, other: Record) -> None:
        """Fails unless the last output tensor equals another record's to the byte."""
        mine, theirs = self._last_record.inference.tensor, other.inference.tensor
        if mine != theirs:
            raise AssertionError(f"output {mine.hex(' ')} differs from {theirs.hex(' ')}")

    @keyword
    def instructions_should_not_exceed(self, limit: int, layer: int | None = None) -> None:
        """Fails where the last inference, or one layer of it (counted from 0), took more instructions."""
        self.target_should_count_instructions()
        inference = self._last_record.inference
        counted = inference.counter if layer is None else inference.layers[layer].counter
        what = "the inference" if layer is None else f"layer {layer} ({inference.layers[layer].op})"
        logger.info(f"{what}: {counted:,} instructions, at most {limit:,} allowed")
        if counted > limit:
            raise AssertionError(f"{what} took {counted:,} instructions, more than {limit:,}")

    @keyword
    def instructions_should_be_within_budget(self) -> None:
        """Fails where the last inference took more instructions than ``budgets.toml`` allows its model and engine.

        A counter that advances in steps may read one step more. Skips, with what the inference took, where the file
        has no such case, or has it for another compiler: its counts are exact for one.
        """
        from renode_mnist.measure import budget_choice, budgets  # 0.15 s for what validates the file

        self.target_should_count_instructions()
        record = self._last_record
        counted = f"{record.inference.counter:,} instructions"
        maker = budget_choice.Maker.of(vars(record.firmware))
        model = record.firmware.model_name.removeprefix("mnist_").removesuffix(".tflite")
        case = f"{model}/{record.firmware.engine}{'-soft' if maker.is_soft else ''}"
        written = budgets.load(paths.budgets())
        if case not in written.cases:
            raise SkipExecution(f"budgets.toml has no case {case}; the inference took {counted}")
        bounds = budget_choice.choose(written, case, maker, paths.budgets())
        if isinstance(bounds, budget_choice.Unjudged):
            raise SkipExecution(f"{case} took {counted}, not judged: {bounds.reason}. {bounds.remedy}")
        slack = record.target.counter_step if record.target.counter_step > 1 else 0
        figures = [("the inference", record.inference.counter, bounds.instructions)]
        for number, (layer, bound) in enumerate(zip(record.inference.layers, bounds.layers or (), strict=False)):
            figures.append((f"layer {number} ({layer.op})", layer.counter, bound))
        for what, taken, bound in figures:
            logger.info(f"{what}: {taken:,} instructions, at most {bound:,} allowed")
            if taken > bound + slack:
                raise AssertionError(f"{what} took {taken:,} instructions, more than {bound:,} (+{slack} a step)")

    @property
    def _last_record(self) -> Record:
        if self._record is None:
            raise RuntimeError("nothing was classified yet; use `Classify Digit` first")
        return self._record
