"""Scratch memory that CMSIS-NN asks for on a core with the DSP extension, in bytes.

As documented with, and tested against, arm_*_get_buffer_size (the tests compile those for the host).
"""

from __future__ import annotations

from renode_mnist.codegen.geometry import Window


def convolution(window: Window, input_channels: int) -> int:
    """``arm_convolve_wrapper_s8_get_buffer_size``: two im2col columns of int16, each a multiple of 4 long."""
    pointwise = window.kernel_height == window.kernel_width == 1
    if pointwise and not (window.pad_top or window.pad_left) and window.dilation_height == window.dilation_width == 1:
        return 0
    column = window.kernel_height * window.kernel_width * input_channels
    return 2 * (-(-column // 4) * 4) * 2


def depthwise(window: Window, batches: int, input_channels: int, output_channels: int) -> int:
    """``arm_depthwise_conv_wrapper_s8_get_buffer_size``: one im2col column of int16, or nothing for 3x3."""
    dilated = (window.dilation_height, window.dilation_width) != (1, 1)
    if input_channels != output_channels or batches != 1 or dilated:
        return 0
    if window.kernel_height == window.kernel_width == 3 and window.pad_top <= 1 and window.pad_left <= 1:
        return 0
    return input_channels * window.kernel_height * window.kernel_width * 2


def average_pool(channels: int) -> int:
    """``arm_avgpool_s8_get_buffer_size``: an int32 sum a channel."""
    return 4 * channels
