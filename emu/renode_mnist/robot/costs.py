"""What the last inference took, and the image it was in: instructions, layers, memory."""

from __future__ import annotations

from robot.api import SkipExecution, logger
from robot.api.deco import keyword

from renode_mnist import paths
from renode_mnist.robot.inference import InferenceKeywords


class CostKeywords(InferenceKeywords):
    """Limits for instructions skip where the target's counter counts something else: a board counts cycles."""

    @keyword
    def instructions_should_not_exceed(self, limit: int) -> None:
        """Fails where the last inference took more instructions."""
        self.target_should_count_instructions()
        _check("the inference", self._last_record.inference.counter, limit, "instructions")

    @keyword
    def layer_instructions_should_not_exceed(self, layer: str, limit: int) -> None:
        """Fails where a layer of the last inference took more instructions.

        ``layer`` is its number, counted from 0, or its operator as ``renode-mnist run`` names it (``CONV_2D``): then
        each layer of that operator is held to the limit.
        """
        self.target_should_count_instructions()
        layers = list(enumerate(self._last_record.inference.layers))
        wanted = str(layer)
        found = [(number, each) for number, each in layers if wanted in (str(number), each.op)]
        if not found:
            known = ", ".join(f"{number} {each.op}" for number, each in layers)
            raise AssertionError(f"there is no layer '{layer}'; there are {known}")
        for number, each in found:
            _check(f"layer {number} ({each.op})", each.counter, limit, "instructions")

    @keyword
    def memory_should_not_exceed(self, *, flash_bytes: int | None = None, ram_bytes: int | None = None) -> None:
        """Fails where the image takes more flash, or more RAM: static, and the stack as deep as the work has been.

        Needs an inference before it, for the stack. Skips on a PC, which has neither.
        """
        if flash_bytes is None and ram_bytes is None:
            raise RuntimeError("nothing is limited; give flash_bytes=, ram_bytes= or both")
        firmware = self._last_record.firmware
        if firmware.flash_bytes == 0:
            raise SkipExecution("a PC has no flash, RAM and stack to account for")
        if flash_bytes is not None:
            _check("the image", firmware.flash_bytes, flash_bytes, "bytes of flash")
        if ram_bytes is not None:
            _check("the image", firmware.ram_bytes, ram_bytes, "bytes of RAM")

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


def _check(what: str, taken: int, limit: int, unit: str) -> None:
    logger.info(f"{what}: {taken:,} {unit}, at most {limit:,} allowed")
    if taken > limit:
        raise AssertionError(f"{what} took {taken:,} {unit}, more than {limit:,}")
