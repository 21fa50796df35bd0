"""Int8 networks of other shapes than the article's, on which engines are compared.

Shapes are those of the MLPerf Tiny benchmark (Banbury et al., 2021), of tflite-micro's first speech example, and some
that no benchmark has. What they answer means nothing; what they cost does, so their numbers look as training leaves
them, and not as a random generator does: channels whose batch norm has died (all weights 0, a scale of some 1e-8, a
bias that the converter cut off at 2^30), channels nearly dead, scales of channels that differ by a factor of ten,
zero points anywhere.
"""

from __future__ import annotations

import numpy as np

from tflite_builder import ModelBuilder, slide

_SCALE = 6 / 255  # of every activation: a ReLU's output with a deviation of about 1 is seldom cut off
_ZERO_POINT = -128
_OTHER_ZERO_POINT = 5  # of what no ReLU ends

# Seen in a Keras network with a tenth of its gammas at 0, as the converter left them.
_DEAD_SCALE = 1.3e-8
_DEAD_BIASES = (-(1 << 30), 1 << 30, -287029632)
_NEARLY_DEAD = 1e-4


class Net:
    """A chain of layers; `x` is the tensor that the next one reads.

    Args:
        height: Of the input.
        width: Likewise.
        channels: Likewise.
        trained: Whether its numbers look trained.
    """

    def __init__(self, height: int, width: int, channels: int, *, trained: bool = False) -> None:
        self.random = np.random.default_rng(1)
        self.trained = trained
        self.b = ModelBuilder()
        self.source = self.x = self._activation((1, height, width, channels), relu=False)

    def _activation(self, shape: tuple[int, ...], *, relu: bool = True) -> int:
        zero_point = _ZERO_POINT if relu or not self.trained else _OTHER_ZERO_POINT
        return self.b.activation(shape, "INT8", scale=_SCALE, zero_point=zero_point)

    def _weights(self, shape: tuple[int, ...], axis: int, scale_count: int) -> tuple[int, int]:
        """Weights that keep the deviation of activations, and a bias."""
        channels = shape[axis]
        depth = int(np.prod(shape)) // channels
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        base = (2 / depth) ** 0.5 / 73  # 73: the deviation of those integers
        scales = (base * self.random.uniform(0.5, 1.5, scale_count)).astype(np.float32)
        bias = self.random.normal(0, 0.1 / (_SCALE * base), channels).astype(np.int32)
        if self.trained and scale_count == channels > 1:
            scales *= self.random.lognormal(0, 0.7, channels).astype(np.float32)
            scales[7::16] *= _NEARLY_DEAD
            dead = np.arange(channels)[3::10]
            scales[dead] = _DEAD_SCALE
            bias[dead] = self.random.choice(_DEAD_BIASES, len(dead))
            np.moveaxis(values, axis, 0)[dead] = 0
        return self.b.constant(values, scales=scales.tolist(), axis=axis), self.b.constant(
            bias, scales=[float(_SCALE * scale) for scale in scales]
        )

    def conv(
        self,
        channels: int,
        kernel: tuple[int, int],
        stride: int = 1,
        *,
        depthwise: bool = False,
        relu: bool = True,
        groups: int = 1,
    ) -> None:
        """A convolution, padded to SAME; a depthwise one has as many filters a channel as make its outputs."""
        _, height, width, depth = self.b.shape(self.x)
        shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth // groups)
        weights, bias = self._weights(shape, 3 if depthwise else 0, channels)
        size = (slide(height, kernel[0], stride, 1, "SAME"), slide(width, kernel[1], stride, 1, "SAME"))
        y = self._activation((1, *size, channels), relu=relu)
        self.b.conv_2d(
            self.x, weights, bias, y, depthwise=depthwise, padding="SAME", stride=(stride, stride),
            activation="RELU" if relu else "NONE",
        )  # fmt: skip
        self.x = y

    def max_pool(self, size: int) -> None:
        """A max pool that does not overlap."""
        _, height, width, depth = self.b.shape(self.x)
        y = self._activation((1, height // size, width // size, depth))
        self.b.pool("MAX_POOL_2D", self.x, y, window=(size, size), padding="VALID", stride=(size, size))
        self.x = y

    def dense(self, outputs: int, *, relu: bool = True) -> None:
        """A dense layer over all that there is, with one scale a channel where numbers look trained."""
        depth = int(np.prod(self.b.shape(self.x)))
        weights, bias = self._weights((outputs, depth), 0, outputs if self.trained else 1)
        y = self.b.activation(
            (1, outputs), "INT8", scale=_SCALE, zero_point=_ZERO_POINT if relu else _OTHER_ZERO_POINT
        )
        self.b.fully_connected(self.x, weights, bias, y, activation="RELU" if relu else "NONE")
        self.x = y

    def finish(self) -> bytes:
        """The file's content; the last layer's output is the network's."""
        return self.b.finish(self.source, self.x)

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

    def classify(self, classes: int, *, pooled: bool = True) -> bytes:
        """Global average, dense layer, softmax; returns the file's content."""
        _, height, width, depth = self.b.shape(self.x)
        if pooled:
            y = self._activation((1, 1, 1, depth))
            window = (height, width)
            self.b.pool("AVERAGE_POOL_2D", self.x, y, window=window, padding="VALID", stride=window)
            self.x = y
        weights, bias = self._weights((classes, int(np.prod(self.b.shape(self.x)))), 0, 1)
        scores = self.b.activation((1, classes), "INT8", scale=0.05)
        self.b.fully_connected(self.x, weights, bias, scores)
        result = self.b.activation((1, classes), "INT8", scale=1 / 256, zero_point=-128)
        self.b.operator("SOFTMAX", (scores,), (result,), "SoftmaxOptions", beta=1.0)
        return self.b.finish(self.source, result)


def keyword_spotting() -> bytes:
    """DS-CNN on 49x10 spectra: depthwise separable, 2.7 million MACs."""
    net = Net(49, 10, 1, trained=True)
    net.conv(64, (10, 4), 2)
    for _ in range(4):
        net.separable(64)
    return net.classify(12)


def image_classification() -> bytes:
    """ResNet-8 on 32x32 colour images: 12.5 million MACs."""
    net = Net(32, 32, 3, trained=True)
    net.conv(16, (3, 3))
    net.residual(16, 1)
    net.residual(32, 2)
    net.residual(64, 2)
    return net.classify(10)


def person_detection() -> bytes:
    """MobileNet v1 0.25 on 96x96 grey images: 7.2 million MACs."""
    net = Net(96, 96, 1, trained=True)
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


def speech() -> bytes:
    """49x40 spectra, a DEPTHWISE_CONV_2D of one channel with eight filters, a dense layer: 330,000 MACs."""
    net = Net(49, 40, 1, trained=True)
    net.conv(8, (10, 8), 2, depthwise=True)
    return net.classify(4, pooled=False)


def autoencoder() -> bytes:
    """Ten spectra of 64 in, as many out: dense layers of 640, 128 and 8, 264,192 MACs."""
    net = Net(1, 1, 640, trained=True)
    for outputs in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        net.dense(outputs)
    net.dense(640, relu=False)
    return net.finish()


def odd_channels() -> bytes:
    """1, 3, 5 and 17 channels, groups, even windows, a stride of 3: 1.5 million MACs."""
    net = Net(40, 40, 1, trained=True)
    net.conv(3, (4, 4), 1)
    net.conv(3, (3, 3), 1, depthwise=True)
    net.conv(5, (3, 3), 1)
    net.conv(17, (2, 2), 2)
    net.conv(17, (3, 3), 1, depthwise=True)
    net.conv(20, (1, 1), 1)
    net.conv(40, (3, 3), 1, groups=4)
    net.conv(40, (5, 5), 3, depthwise=True)
    return net.classify(7)


NETWORKS = {
    network.__name__: network
    for network in (
        keyword_spotting,
        image_classification,
        person_detection,
        speech,
        autoencoder,
        odd_channels,
    )
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
