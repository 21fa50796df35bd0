"""Three int8 networks of other shapes than the article's, with random weights: what MCUs run besides digits."""

from __future__ import annotations

import numpy as np

from tflite_builder import ModelBuilder, slide


class _Network:
    """Appends layers to a chain; quantisation is made up so that activations fill their range."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.b = ModelBuilder()
        self.scale, self.zero_point = 1 / 128, 0
        self.source = self.x = self.b.activation(shape, "INT8", scale=self.scale)

    def convolution(
        self,
        kernel: tuple[int, int],
        outputs: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activation: str = "RELU",
    ) -> None:
        """SAME padding; per-channel weights and bias."""
        _, height, width, channels = self.b.shape(self.x)
        depth = kernel[0] * kernel[1] * (1 if depthwise else channels)
        shape = (1, *kernel, channels) if depthwise else (outputs, *kernel, channels)
        weights, bias, deviation = self._weights(shape, outputs, depth, axis=3 if depthwise else 0)
        size = [slide(n, k, stride, 1, "SAME") for n, k in zip((height, width), kernel, strict=True)]
        self._next(deviation, positive=activation == "RELU")
        y = self.b.activation((1, *size, outputs), "INT8", scale=self.scale, zero_point=self.zero_point)
        self.b.conv_2d(
            self.x,
            weights,
            bias,
            y,
            padding="SAME",
            stride=(stride, stride),
            activation=activation,
            depthwise=depthwise,
        )
        self.x = y

    def _weights(self, shape: tuple[int, ...], outputs: int, depth: int, axis: int) -> tuple[int, int, float]:
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        scales = [float(np.float32(s)) for s in self.random.uniform(0.7, 1.4, outputs) / (73 * depth**0.5)]
        bias = self.random.normal(0, 20 * depth**0.5, outputs).astype(np.int32)
        weights = self.b.constant(values, scales=scales, axis=axis)
        return weights, self.b.constant(bias, scales=[self.scale * s for s in scales]), self.scale * 60

    def _next(self, deviation: float, *, positive: bool) -> None:
        self.scale = float(np.float32(deviation * 3 / (255 if positive else 128)))
        self.zero_point = -128 if positive else 0

    def residual(self, other: int, other_scale: float) -> None:
        """ADD with ReLU."""
        self._next((self.scale + other_scale) * 40, positive=True)
        y = self.b.activation(self.b.shape(self.x), "INT8", scale=self.scale, zero_point=self.zero_point)
        self.b.add(self.x, other, y, activation="RELU")
        self.x = y

    def classify(self, classes: int) -> bytes:
        """Average over the image, a dense layer, softmax."""
        _, height, width, channels = self.b.shape(self.x)
        y = self.b.activation((1, 1, 1, channels), "INT8", scale=self.scale, zero_point=self.zero_point)
        self.b.pool("AVERAGE_POOL_2D", self.x, y, window=(height, width))
        flat = self.b.activation((1, channels), "INT8", scale=self.scale, zero_point=self.zero_point)
        target = np.array([1, channels], np.int32)
        self.b.operator("RESHAPE", (y, self.b.constant(target)), (flat,), "ReshapeOptions", newShape=[1, channels])
        values = self.random.integers(-127, 128, (classes, channels)).astype(np.int8)
        scale = float(np.float32(1 / (73 * channels**0.5)))
        weights = self.b.constant(values, scales=[scale])
        bias = self.b.constant(np.zeros(classes, np.int32), scales=[self.scale * scale])
        logits = self.b.activation((1, classes), "INT8", scale=self.scale, zero_point=0)
        self.b.fully_connected(flat, weights, bias, logits)
        y = self.b.activation((1, classes), "INT8", scale=1 / 256, zero_point=-128)
        self.b.operator("SOFTMAX", (logits,), (y,), "SoftmaxOptions", beta=1.0)
        return self.b.finish(self.source, y)


def keyword_spotter() -> bytes:
    """Depthwise-separable, 49x10 spectrogram, 12 words: 2.66 MMAC (as DS-CNN-S of Zhang et al., 2017)."""
    n = _Network((1, 49, 10, 1), seed=1)
    n.convolution((10, 4), 64, stride=2)
    for _ in range(4):
        n.convolution((3, 3), 64, depthwise=True)
        n.convolution((1, 1), 64)
    return n.classify(12)


def image_classifier() -> bytes:
    """Residual, 32x32x3, ten classes: 12.5 MMAC (as ResNet-8 of MLPerf Tiny)."""
    n = _Network((1, 32, 32, 3), seed=2)
    n.convolution((3, 3), 16)
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        source, scale, zero_point = n.x, n.scale, n.zero_point
        n.convolution((3, 3), outputs, stride=stride)
        n.convolution((3, 3), outputs, activation="NONE")
        result, result_scale, result_zero_point = n.x, n.scale, n.zero_point
        other, other_scale = source, scale
        if stride > 1:
            n.x, n.scale, n.zero_point = source, scale, zero_point
            n.convolution((1, 1), outputs, stride=stride, activation="NONE")
            other, other_scale = n.x, n.scale
        n.x, n.scale, n.zero_point = result, result_scale, result_zero_point
        n.residual(other, other_scale)
    return n.classify(10)


def person_detector() -> bytes:
    """Depthwise-separable with strides and growing width, 48x48x1, two classes: 1.9 MMAC (as MobileNet 0.25)."""
    n = _Network((1, 48, 48, 1), seed=3)
    n.convolution((3, 3), 8, stride=2)
    for outputs, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2)):
        _, _, _, channels = n.b.shape(n.x)
        n.convolution((3, 3), channels, stride=stride, depthwise=True)
        n.convolution((1, 1), outputs)
    return n.classify(2)


SMALL_CNNS = {
    "keyword_spotter": keyword_spotter,
    "image_classifier": image_classifier,
    "person_detector": person_detector,
}
