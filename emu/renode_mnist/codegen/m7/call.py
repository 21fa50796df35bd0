"""The call of a kernel that slides a window: its template arguments, and where its output stands."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.operators.pool_2d import PoolOptions
from renode_mnist.codegen.program import Step

HEADERS = "engine/m7/"


class WindowCall(Parts):
    """Of ``m7::<function><window, parameters>(input, constants, scratch, output)``.

    Attributes:
        window: Name of the parameter ``m7::Window``.
    """

    def __init__(self, lowering: Lowering, operator: Operator, window: Window, channels: int) -> None:
        super().__init__(lowering, operator)
        self.window = self.shared_parameter(
            "Window",
            "m7::Window",
            {
                "input_height": window.input_height,
                "input_width": window.input_width,
                "input_channels": channels,
                "kernel_height": window.kernel_height,
                "kernel_width": window.kernel_width,
                "stride_height": window.stride_height,
                "stride_width": window.stride_width,
                "dilation_height": window.dilation_height,
                "dilation_width": window.dilation_width,
                "pad_top": window.pad_top,
                "pad_left": window.pad_left,
                "output_height": window.output_height,
                "output_width": window.output_width,
            },
        )

    def of(
        self,
        function: str,
        parameters: str,
        arguments: Sequence[str],
        *,
        header: str = "",
        reads: Sequence[Tensor] = (),
        in_place: bool = False,
    ) -> Step:
        """The step.

        Args:
            function: Of ``m7``.
            parameters: Name of the second template argument.
            arguments: Between the input and the output; "nullptr" for scratch memory that is not needed.
            header: Without ``.hpp``; by default it has the function's name.
            reads: See ``Parts.step``.
            in_place: Likewise.
        """
        output = self.operator.output
        planar = output in self.lowering.graph.layouts
        return self.step(
            f"m7::{function}<{self.window}, {parameters}>",
            [self.source(), *arguments],
            f"{HEADERS}{header or function}.hpp",
            reads=reads,
            in_place=in_place,
            writes=[self.lowering.result(self.operator) if planar else self.lowering.buffer(output)],
        )


def pool_size(operator: Operator) -> tuple[int, int]:
    """Height and width of the pool that is fused into a convolution; 1 and 1 where none is."""
    pools = [part for part in operator.parts[1:] if part.op == "MAX_POOL_2D"]
    return pools[0].options_as(PoolOptions).filter if pools else (1, 1)


def residual(operator: Operator) -> Operator | None:
    """The ADD that is fused into a convolution."""
    return next((part for part in operator.parts[1:] if part.op == "ADD"), None)


def computed(operator: Operator, window: Window) -> Window | None:
    """The window over those outputs that the pool reads; None where some would have to be computed in vain."""
    if not operator.fused:
        return window
    height, width = pool_size(operator)
    rows, columns = operator.output.shape[1] * height, operator.output.shape[2] * width
    live = operator.fused[0].live or (window.output_height, window.output_width)
    return window.live(rows, columns) if live == (rows, columns) else None
