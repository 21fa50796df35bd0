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
