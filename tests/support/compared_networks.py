"""Int8 networks of other shapes than the article's, with random weights, on which engines are compared.

Their shapes are those of the MLPerf Tiny benchmark (Banbury et al., 2021): keyword spotting, image classification
and visual wake words. What they answer means nothing; what they cost does.
"""

from __future__ import annotations

import numpy as np

from tflite_builder import ModelBuilder, slide

_SCALE = 6 / 255  # of every activation: a ReLU's output with a deviation of about 1 is seldom cut off
_ZERO_POINT = -128


class _Net:
    """A chain of layers; `x` is the tensor that the next one reads."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.random = np.random.default_rng(1)
        self.b = ModelBuilder()
        self.source = self.x = self._activation((1, height, width, channels))

    def _activation(self, shape: tuple[int, ...]) -> int:
        return self.b.activation(shape, "INT8", scale=_SCALE, zero_point=_ZERO_POINT)

    def _weights(self, shape: tuple[int, ...], axis: int, scale_count: int) -> tuple[int, int]:
        """Weights that keep the deviation of activations, and a bias."""
        channels = shape[axis]
        depth = int(np.prod(shape)) // channels
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        base = (2 / depth) ** 0.5 / 73  # 73: the deviation of those integers
        scales = (base * self.random.uniform(0.5, 1.5, scale_count)).astype(np.float32).tolist()
        bias = self.random.normal(0, 0.1 / (_SCALE * base), channels).astype(np.int32)
        return self.b.constant(values, scales=scales, axis=axis), self.b.constant(
            bias, scales=[_SCALE * scale for scale in scales]
        )

    def conv(
        self, channels: int, kernel: tuple[int, int], stride: int = 1, *, depthwise: bool = False, relu: bool = True
    ) -> None:
        """A convolution, padded to SAME."""
        _, height, width, depth = self.b.shape(self.x)
        shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
        weights, bias = self._weights(shape, 3 if depthwise else 0, channels)
        size = (slide(height, kernel[0], stride, 1, "SAME"), slide(width, kernel[1], stride, 1, "SAME"))
        y = self._activation((1, *size, channels))
        self.b.conv_2d(
            self.x, weights, bias, y, depthwise=depthwise, padding="SAME", stride=(stride, stride),
            activation="RELU" if relu else "NONE",
        )  # fmt: skip
        self.x = y

    def separable(self, channels: int, stride: int = 1) -> None:
        """A 3x3 depthwise convolution, then a 1x1 one."""
        self.conv(self.b.shape(self.x)[3], (3, 3), stride, depthwise=True)
        self.conv(channels, (1, 1))

    def residual(self, channels: int, stride: int) -> None:
        """Two 3x3 convolutions beside a short cut, which is a 1x1 convolution where the shape changes."""
        entry = self.x
        self.conv(channels, (3, 3), stride)
        self.conv(channels, (3, 3), relu=False)
        deep = self.x
        if stride > 1:
            self.x = entry
            self.conv(channels, (1, 1), stride, relu=False)
            entry = self.x
        y = self._activation(self.b.shape(deep))
        self.b.add(entry, deep, y, activation="RELU")
        self.x = y

    def classify(self, classes: int) -> bytes:
        """Global average, dense layer, softmax; returns the file's content."""
        _, height, width, depth = self.b.shape(self.x)
        y = self._activation((1, 1, 1, depth))
        self.b.pool("AVERAGE_POOL_2D", self.x, y, window=(height, width), padding="VALID", stride=(height, width))
        weights, bias = self._weights((classes, depth), 0, 1)
        scores = self.b.activation((1, classes), "INT8", scale=0.05)
        self.b.fully_connected(y, weights, bias, scores)
        result = self.b.activation((1, classes), "INT8", scale=1 / 256, zero_point=-128)
        self.b.operator("SOFTMAX", (scores,), (result,), "SoftmaxOptions", beta=1.0)
        return self.b.finish(self.source, result)


def keyword_spotting() -> bytes:
    """DS-CNN on 49x10 spectra: depthwise separable, 2.7 million MACs."""
    net = _Net(49, 10, 1)
    net.conv(64, (10, 4), 2)
    for _ in range(4):
        net.separable(64)
    return net.classify(12)


def image_classification() -> bytes:
    """ResNet-8 on 32x32 colour images: 12.5 million MACs."""
    net = _Net(32, 32, 3)
    net.conv(16, (3, 3))
    net.residual(16, 1)
    net.residual(32, 2)
    net.residual(64, 2)
    return net.classify(10)


def person_detection() -> bytes:
    """MobileNet v1 0.25 on 96x96 grey images: 7.2 million MACs."""
    net = _Net(96, 96, 1)
    net.conv(8, (3, 3), 2)
    for channels, stride in (
        (16, 1),
        (32, 2),
        (32, 1),
        (64, 2),
        (64, 1),
        (128, 2),
        *((128, 1),) * 5,
        (256, 2),
        (256, 1),
    ):
        net.separable(channels, stride)
    return net.classify(2)


NETWORKS = {
    "keyword_spotting": keyword_spotting,
    "image_classification": image_classification,
    "person_detection": person_detection,
}


def every_operator() -> bytes:
    """A network in which each of CMSIS-NN's functions runs, on sizes that leave remainders to their SIMD loops."""
    random = np.random.default_rng(3)
    b = ModelBuilder()
    x = source = b.activation((1, 13, 11, 5), "INT8", scale=0.03, zero_point=-7)

    def weights(*shape: int, axis: int, scale_count: int) -> int:
        depth = int(np.prod(shape)) // shape[axis]
        scales = (random.uniform(0.7, 1.4, scale_count) / (73 * depth**0.5)).astype(np.float32)
        return b.constant(random.integers(-127, 128, shape).astype(np.int8), scales=scales.tolist(), axis=axis)

    def bias(channels: int) -> int:
        return b.constant(random.integers(-900, 900, channels).astype(np.int32))

    def convolve(x: int, channels: int, kernel: tuple[int, int], size: tuple[int, int], **how: object) -> int:
        depthwise = bool(how.get("depthwise"))
        shape = (1, *kernel, channels) if depthwise else (channels, *kernel, b.shape(x)[3])
        y = b.activation((1, *size, channels), "INT8", scale=0.04, zero_point=9)
        w = weights(*shape, axis=3 if depthwise else 0, scale_count=channels)
        b.conv_2d(x, w, bias(channels), y, **{"padding": "SAME", **how})
        return y

    x = convolve(x, 7, (3, 3), (13, 11), activation="RELU6")
    x = convolve(x, 6, (1, 1), (13, 11))  # arm_convolve_1x1_s8_fast
    x = convolve(x, 9, (1, 1), (7, 6), stride=(2, 2))  # arm_convolve_1x1_s8
    x = convolve(x, 9, (3, 3), (7, 6), depthwise=True)  # arm_depthwise_conv_3x3_s8
    x = convolve(x, 9, (5, 4), (4, 3), depthwise=True, stride=(2, 2))  # arm_depthwise_conv_s8_opt
    x = convolve(x, 18, (3, 2), (4, 3), depthwise=True)  # arm_depthwise_conv_s8, two outputs a channel
    x = convolve(x, 18, (2, 2), (4, 3), dilation=(2, 2), activation="RELU")
    y = b.activation(b.shape(x), "INT8", scale=0.05, zero_point=-20)
    b.add(x, x, y)
    x = b.activation((1, 3, 2, 18), "INT8", scale=0.05, zero_point=-20)
    b.pool("MAX_POOL_2D", y, x, window=(2, 2))
    y = b.activation((1, 2, 2, 18), "INT8", scale=0.05, zero_point=-20)
    b.pool("AVERAGE_POOL_2D", x, y, window=(2, 1), padding="VALID")
    x = b.activation((1, 72), "INT8", scale=0.05, zero_point=-20)
    b.operator("RESHAPE", (y, b.constant(np.array([1, 72], np.int32))), (x,), "ReshapeOptions", newShape=[1, 72])
    y = b.activation((1, 33), "INT8", scale=0.05, zero_point=-3)
    b.fully_connected(x, weights(33, 72, axis=0, scale_count=33), bias(33), y)
    x = b.activation((1, 11), "INT8", scale=0.05, zero_point=4)
    b.fully_connected(y, weights(11, 33, axis=0, scale_count=1), bias(11), x)
    result = b.activation((1, 11), "INT8", scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", (x,), (result,), "SoftmaxOptions", beta=1.0)
    return b.finish(source, result)
