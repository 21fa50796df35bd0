"""Pictures of any kind: the same digit in, the same class out; no digit in, an error out."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from damaged import exif_damaged
from renode_mnist import paths
from renode_mnist.errors import ImageError
from renode_mnist.model import data, export, preprocess, tensor_files

Pixels = npt.NDArray[np.uint8]

INT8 = (paths.models() / "mnist_int8.tflite").read_bytes()
DIGITS = {digit: np.asarray(Image.open(paths.digits() / f"{digit}.png")) for digit in range(10)}

a_digit = st.sampled_from(range(10))
few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def class_of(pixels: Pixels) -> int:
    return int(export.scores(INT8, pixels[np.newaxis])[0].argmax())


def canvas(digit: Pixels, scale: int, offset: tuple[int, int], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The digit, ``scale`` times as large, on an empty field of ``size`` (width, height); 0 to 1."""
    large = Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC)
    field = Image.new("L", size)
    field.paste(large, offset)
    return np.asarray(field, np.float64) / 255


def on_paper(strength: npt.NDArray[np.float64], paper: float, ink: float) -> Image.Image:
    return Image.fromarray((paper + (ink - paper) * strength).round().clip(0, 255).astype(np.uint8))


def file_of(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_pictures_in_mnist_form_pass_unchanged() -> None:
    test = data.load("test")
    for image in test.images[::10]:
        digit = preprocess.from_image(Image.fromarray(image))
        assert digit.unchanged
        assert np.array_equal(digit.pixels, image)


def test_every_picture_of_mnist_is_in_mnist_form() -> None:
    assert all(map(preprocess.is_mnist_form, data.load("test").images))


@pytest.mark.parametrize("digit", range(10))
def test_black_on_white_is_inverted_without_loss(digit: int) -> None:
    result = preprocess.from_image(Image.fromarray(255 - DIGITS[digit]))
    assert result.inverted
    assert np.array_equal(result.pixels, DIGITS[digit])


@few
@given(a_digit, st.integers(2, 12), st.floats(0, 1), st.floats(0, 1), st.integers(0, 255), st.integers(0, 255))
def test_size_place_and_colours_do_not_change_the_class(
    digit: int, scale: int, across: float, down: float, paper: int, ink: int
) -> None:
    if abs(paper - ink) < 40:
        ink = (paper + 128) % 256
    size = (500, 400)
    offset = round(across * (size[0] - 28 * scale)), round(down * (size[1] - 28 * scale))
    result = preprocess.from_image(on_paper(canvas(DIGITS[digit], scale, offset, size), paper, ink))
    assert preprocess.is_mnist_form(result.pixels)
    assert class_of(result.pixels) == digit
    assert result.inverted == (ink < paper)


@few
@given(a_digit, st.integers(3, 10))
def test_inversion_changes_nothing_but_the_flag(digit: int, scale: int) -> None:
    picture = np.asarray(on_paper(canvas(DIGITS[digit], scale, (40, 20), (400, 320)), 0, 255))
    light, dark = (preprocess.from_image(Image.fromarray(each)) for each in (picture, 255 - picture))
    assert (light.inverted, dark.inverted) == (False, True)
    assert light.box == dark.box
    assert np.abs(light.pixels.astype(int) - dark.pixels).max() <= 1


@few
@given(a_digit, st.floats(0, 2 * np.pi), st.floats(0, 100), st.integers(0, 2**32 - 1))
def test_a_photo_in_uneven_light_keeps_its_class(digit: int, angle: float, amplitude: float, seed: int) -> None:
    strength = canvas(DIGITS[digit], 9, (90, 60), (480, 400))
    down, across = np.mgrid[-0.5:0.5:400j, -0.5:0.5:480j]
    light = 200 + amplitude * (np.cos(angle) * across + np.sin(angle) * down) - 40 * (across**2 + down**2)
    noise = np.random.default_rng(seed).normal(0, 5, strength.shape)
    photo = Image.fromarray((light - 120 * strength + noise).clip(0, 255).astype(np.uint8))
    result = preprocess.from_bytes(file_of(photo, "JPEG", quality=80))
    assert class_of(result.pixels) == digit
    assert result.inverted


@pytest.mark.parametrize("pen", [2, 3, 5, 12, 40, 90])
def test_a_drawing_in_any_pen_is_read(pen: int) -> None:
    picture = Image.new("L", (1000, 800), 250)
    corners = [(300, 150), (650, 150), (430, 700)]
    ImageDraw.Draw(picture).line(corners, fill=20, width=pen, joint="curve")
    assert class_of(preprocess.from_image(picture).pixels) == 7


def test_dust_is_not_part_of_the_digit() -> None:
    picture = on_paper(canvas(DIGITS[3], 8, (100, 60), (400, 320)), 240, 30)
    clean = preprocess.from_image(picture)
    for place in ((5, 5), (390, 10), (8, 310), (380, 300), (200, 20)):
        picture.paste(0, (*place, place[0] + 4, place[1] + 4))
    dusty = preprocess.from_image(picture)
    assert np.abs(np.subtract(dusty.box, clean.box)).max() <= 1  # black dust on grey ink moves the threshold


def translucent(strength: npt.NDArray[np.float64], grey: int) -> Image.Image:
    picture = Image.new("RGBA", strength.shape[::-1], (grey, grey, grey, 0))
    picture.putalpha(Image.fromarray((strength * 255).astype(np.uint8)))
    return picture


def every_mode() -> dict[str, Image.Image]:
    strength = canvas(DIGITS[5], 6, (30, 40), (320, 240))
    grey = on_paper(strength, 255, 0)
    colour = Image.merge("RGB", (grey, grey.point(lambda v: v // 2 + 120), grey))
    return {
        "1": grey.convert("1"),
        "L": grey,
        "LA": grey.convert("LA"),
        "P": colour.convert("P"),
        "P transparent": translucent(strength, 0).quantize(16),
        "RGB": colour,
        "RGBA black ink": translucent(strength, 0),
        "RGBA white ink": translucent(strength, 255),
        "CMYK": colour.convert("CMYK"),
        "YCbCr": colour.convert("YCbCr"),
        "HSV": colour.convert("HSV"),
        "LAB": Image.merge("LAB", (grey, Image.new("L", grey.size, 128), Image.new("L", grey.size, 128))),
        "I;16": Image.fromarray(((1 - strength) * 65535).astype(np.uint16)),
        "I": Image.fromarray(((1 - strength) * 65535).astype(np.int32)),
        "F": Image.fromarray((255 * strength).astype(np.float32)),
    }


@pytest.mark.parametrize("mode", every_mode())
def test_every_mode_is_read(mode: str) -> None:
    assert class_of(preprocess.from_image(every_mode()[mode]).pixels) == 5


@pytest.mark.parametrize(
    "kind_and_mode",
    [
        "PNG L",
        "PNG P transparent",
        "PNG RGBA white ink",
        "PNG I;16",
        "JPEG RGB",
        "JPEG CMYK",
        "BMP 1",
        "GIF P",
        "WEBP RGBA black ink",
    ],
)
def test_every_format_is_read(kind_and_mode: str, tmp_path: Path) -> None:
    kind, mode = kind_and_mode.split(" ", 1)
    file = tmp_path / "digit"
    file.write_bytes(file_of(every_mode()[mode], kind))
    assert class_of(preprocess.read(file).pixels) == 5


def test_a_turned_photo_is_set_upright() -> None:
    picture = on_paper(canvas(DIGITS[7], 6, (30, 40), (320, 240)), 255, 0)
    orientation = Image.Exif()
    orientation[0x0112] = 6  # "rotate by 90 degrees clockwise to see it as it was"
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    result = preprocess.from_bytes(file_of(turned, "JPEG", exif=orientation))
    assert result.source_size == (320, 240)
    assert class_of(result.pixels) == 7


def test_ten_megapixels_are_read() -> None:
    picture = on_paper(canvas(DIGITS[2], 40, (1500, 900), (3900, 2600)), 250, 10)
    result = preprocess.from_bytes(file_of(picture, "JPEG"))
    assert class_of(result.pixels) == 2
    left, top, right, bottom = result.box
    assert 1500 <= left < right <= 1500 + 28 * 40
    assert 900 <= top < bottom <= 900 + 28 * 40


def test_what_was_done_is_told() -> None:
    picture = on_paper(canvas(DIGITS[0], 10, (100, 50), (600, 400)), 255, 0)
    result = preprocess.from_image(picture)
    left, top, right, bottom = result.box
    assert result.describe() == f"600x400, digit at ({left}, {top}), {right - left}x{bottom - top}, inverted"
    assert preprocess.from_image(Image.fromarray(DIGITS[0])).describe() == "28x28, already as MNIST's"


GOOD = file_of(on_paper(canvas(DIGITS[8], 6, (20, 20), (240, 200)), 255, 0), "PNG")


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its few bytes hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


REFUSED = {
    "empty": (b"", "is empty"),
    "text": (b"a seven, honestly", "is no picture"),
    "a program for an interpreter": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture"),
    "header only": (GOOD[:20], "is no picture"),
    "truncated": (GOOD[: len(GOOD) // 2], "is damaged"),
    "flipped bytes": (GOOD[:200] + b"\xff" * 200 + GOOD[400:], "is damaged"),
    "51 megapixels": (bomb(8500, 6000), "more than 50,000,000 pixels"),
    "a bomb": (bomb(60_000, 60_000), "more than 50,000,000 pixels"),
    "a hair": (bomb(1, 20_001), "or 20,000 along a side"),
    "white": (file_of(Image.new("L", (200, 100), 255), "PNG"), "is blank"),
    "one pixel": (file_of(Image.new("L", (1, 1), 9), "PNG"), "is blank"),
    "28x28 black": (file_of(Image.new("L", (28, 28)), "PNG"), "is blank"),
    "all transparent": (file_of(Image.new("RGBA", (90, 90)), "PNG"), "is blank"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_digit_is_refused(case: str, tmp_path: Path) -> None:
    raw, message = REFUSED[case]
    file = tmp_path / "picture.png"
    file.write_bytes(raw)
    with pytest.raises(ImageError, match=message) as caught:
        preprocess.read(file)
    assert str(file) in str(caught.value)


def test_a_damaged_exif_chunk_turns_nothing(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(exif_damaged())
    assert np.array_equal(preprocess.read(file).pixels, preprocess.read(paths.digits() / "7.png").pixels)
    assert len(tensor_files.read(file).by_name) == 1


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ImageError, match=r"/dev/zero can't be read .it has more than 250,000,000 bytes"):
        preprocess.read(Path("/dev/zero"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png can't be read"):
        preprocess.read(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match="can't be read"):
        preprocess.read(tmp_path)


@few
@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.floats(0, 12))
def test_an_empty_sheet_is_blank_however_noisy_the_camera(seed: int, level: int, sigma: float) -> None:
    noise = np.random.default_rng(seed).normal(level, sigma, (300, 400))
    with pytest.raises(ImageError, match="is blank"):
        preprocess.from_image(Image.fromarray(noise.round().clip(0, 255).astype(np.uint8)))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 2**32 - 1), st.floats(0.002, 0.998))
@example(22, 46, 7624931, 0.5)  # no pixel is near any surface through them
@example(6, 35, 2864480957, 0.25)  # faint, and too small for a wider pen
def test_anything_else_gives_mnist_form_or_an_error(width: int, height: int, seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    picture = np.where(random.random((height, width)) < share, random.integers(0, 256), random.integers(0, 256))
    try:
        result = preprocess.from_image(Image.fromarray(picture.astype(np.uint8)))
    except ImageError:
        return
    assert result.pixels.shape == (28, 28)
    assert result.pixels.dtype == np.uint8
    assert result.pixels.max() == 255


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_picture_or_an_error(position: int, value: int) -> None:
    raw = bytearray(GOOD)
    raw[position] = value
    with contextlib.suppress(ImageError):
        assert preprocess.from_bytes(bytes(raw)).pixels.shape == (28, 28)
