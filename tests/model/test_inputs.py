"""Tensors from files: what is taken, as what, and what is refused with which words."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_metadata import metadata as made_metadata
from model_metadata import with_files
from renode_mnist.errors import DataError, RenodeMnistError
from renode_mnist.model import inputs, metadata, tensor_files
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.picture_tensor import Range
from tflite_builder import ModelBuilder

INT8 = TensorSpec("features", np.dtype(np.int8), (1, 4), 0.5, 3)
FLOAT = TensorSpec("features", np.dtype(np.float32), (1, 4))
IMAGE = TensorSpec("image", np.dtype(np.uint8), (1, 2, 2, 3), 1 / 255, 0)


def taken(spec: TensorSpec, path: Path) -> list[list[float]]:
    return [np.ravel(tensors[0]).tolist() for tensors in inputs.from_files([spec], {"": path}).sets]


def saved(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    match path.suffix:
        case ".npy":
            np.save(path, np.asarray(content))
        case ".npz":
            assert isinstance(content, dict)
            np.savez(path, **content)
        case ".json":
            path.write_text(json.dumps(content))
        case _ if isinstance(content, bytes):
            path.write_bytes(content)
        case _:
            path.write_text(str(content))
    return path


# Real numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "stored"), [(0.0, 3), (0.24, 3), (0.25, 4), (-0.25, 2), (0.75, 5), (-0.75, 1), (1e9, 127), (-1e9, -128)]
)
def test_a_real_number_is_rounded_half_away_from_zero_and_clamped(real: float, stored: int) -> None:
    assert INT8.quantise(np.array([real])).tolist() == [stored]
    assert -128 <= stored <= 127


def test_quantising_divides_in_float32_as_the_firmware_does() -> None:
    spec = TensorSpec("x", np.dtype(np.uint8), (256,), float(np.float32(1 / 255)), 0)
    assert spec.quantise(np.arange(256) / 255).tolist() == list(range(256))


def test_what_a_tensor_stores_comes_back_from_its_real_numbers() -> None:
    stored = np.arange(-128, 128).astype(np.int8)
    assert np.array_equal(INT8.quantise(INT8.reals(stored)), stored)


# What is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("own.npy", np.array([[1, 2, 3, 4]], np.int8), [[1, 2, 3, 4]]),
        ("flat.npy", np.array([1, 2, 3, 4], np.int8), [[1, 2, 3, 4]]),
        ("real.npy", np.array([[0.5, 1, -0.5, 0]]), [[4, 5, 2, 3]]),
        ("many.npy", np.zeros((2, 4), np.float32), [[3] * 4] * 2),
        ("axis.npy", np.zeros((2, 1, 4), np.float32), [[3] * 4] * 2),
        ("one.npz", {"features": np.array([1, 2, 3, 4], np.int8)}, [[1, 2, 3, 4]]),
        ("nameless.npz", {"arr_0": np.array([1, 2, 3, 4], np.int8)}, [[1, 2, 3, 4]]),
        ("row.csv", "0.5,1,-0.5,0\n", [[4, 5, 2, 3]]),
        ("heading.csv", "a,b,c,d\n0.5;1;-0.5;0\n0,0,0,0\n", [[4, 5, 2, 3], [3] * 4]),
        ("column.csv", "0.5\n1\n-0.5\n0", [[4, 5, 2, 3]]),
        ("list.json", [0.5, 1, -0.5, 0], [[4, 5, 2, 3]]),
        ("object.json", {"features": [[0.5, 1, -0.5, 0]]}, [[4, 5, 2, 3]]),
        ("two.bin", bytes([1, 2, 3, 4, 255, 0, 0, 0]), [[1, 2, 3, 4], [-1, 0, 0, 0]]),
    ],
)
def test_a_file_becomes_what_the_tensor_stores(
    tmp_path: Path, name: str, content: object, expected: list[list[int]]
) -> None:
    assert taken(INT8, saved(tmp_path, name, content)) == expected


def test_whole_numbers_are_real_ones_to_a_float_tensor(tmp_path: Path) -> None:
    assert taken(FLOAT, saved(tmp_path, "x.npy", np.arange(4))) == [[0, 1, 2, 3]]


def test_several_inputs_come_from_one_archive_or_from_a_file_each(tmp_path: Path) -> None:
    other = TensorSpec("scale", np.dtype(np.int32), (1,))
    values = {"scale": np.array([7]), "features": np.array([1, 2, 3, 4], np.int8)}
    together = inputs.from_files([INT8, other], {"": saved(tmp_path, "all.npz", values)})
    files = {name: saved(tmp_path, f"{name}.npy", array) for name, array in values.items()}
    apart = inputs.from_files([INT8, other], files)
    for samples in (together, apart):
        assert [array.ravel().tolist() for array in samples.sets[0]] == [[1, 2, 3, 4], [7]]


def test_what_a_data_set_holds_beside_the_inputs_is_left_out_and_said(tmp_path: Path) -> None:
    file = saved(tmp_path, "set.npz", {"features": np.zeros((2, 4), np.int8), "labels": np.array([1, 0])})
    samples = inputs.from_files([INT8], {"": file})
    assert len(samples.sets) == 2
    assert samples.notes[1] == "set.npz: 'labels' left out, the model has no such input"


def test_options_name_inputs_but_a_file_with_an_equals_sign_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a=b.npy").write_bytes(b"")
    assert inputs.assigned(["x=1.npy", str(tmp_path / "a=b.npy")]) == {
        "x": Path("1.npy"),
        "": tmp_path / "a=b.npy",
    }
    with pytest.raises(DataError, match="given twice"):
        inputs.assigned(["a.npy", "b.npy"])


# Pictures --------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_tensors_size_is_its_pixels(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    Image.fromarray(pixels).save(tmp_path / "x.png")
    samples = inputs.from_files([IMAGE], {"": tmp_path / "x.png"})
    assert np.array_equal(samples.sets[0][0][0], pixels)
    assert "2x2 RGB, RGB, black to white 0 to 1 (of the usual ranges the nearest" in samples.notes[0]


@pytest.mark.parametrize(
    ("scale", "zero_point", "low", "high"), [(1 / 255, -128, 0, 1), (2 / 255, -1, -1, 1), (1.0, -128, 0, 255)]
)
def test_the_range_of_pixels_follows_the_tensors(scale: float, zero_point: int, low: float, high: float) -> None:
    from renode_mnist.model.picture_tensor import usual_range

    found = usual_range(TensorSpec("image", np.dtype(np.int8), (1, 2, 2, 3), scale, zero_point))
    assert (found.low, found.high) == ((low,), (high,))


def test_a_large_grey_picture_is_brought_to_size_and_says_how(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 20), (255, 255, 255, 0)).save(tmp_path / "x.png")
    spec = TensorSpec("image", np.dtype(np.float32), (1, 8, 8))
    samples = inputs.from_files([spec], {"": tmp_path / "x.png"}, [Range((-1.0,), (1.0,), "asked")])
    assert samples.sets[0][0].min() == samples.sets[0][0].max() == -1  # what is transparent lies on black
    assert (
        "40x20 RGBA scaled to 8x8 (bilinear, aspect not kept), grey (ITU-R 601), black to white -1 to 1 (asked)"
        in (samples.notes[0])
    )


# What is refused -------------------------------------------------------------------------------------------------


def _bomb(folder: Path) -> Path:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 20)}
    )
    path = folder / "bomb.npy"
    path.write_bytes(header.getvalue())
    return path


def _large_archive(folder: Path) -> Path:
    path = folder / "large.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        for _ in range((tensor_files.ARRAY_BYTES_LIMIT >> 20) + 1):
            member.write(bytes(1 << 20))
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none.npy", "can't be read"),
        (lambda folder: saved(folder, "x.xlsx", b""), "of a kind that is not known"),
        (lambda folder: saved(folder, "x.npy", b"garbage"), "holds"),
        (lambda folder: saved(folder, "shape.npy", np.zeros((1, 5))), "has the shape 1x5"),
        (lambda folder: saved(folder, "turned.npy", np.zeros((4, 2))), "has the shape 4x2"),
        (lambda folder: saved(folder, "type.npy", np.zeros((1, 4), np.int64)), "holds int64"),
        (lambda folder: saved(folder, "nan.npy", np.array([0, np.nan, np.inf, 0])), "2 numbers that are not finite"),
        (lambda folder: saved(folder, "words.npy", np.array(["a"] * 4)), "no real numbers|another type"),
        (lambda folder: saved(folder, "objects.npy", np.array([{}] * 4)), "Python objects"),
        (lambda folder: saved(folder, "odd.bin", bytes(5)), "has 5 bytes, and the input"),
        (lambda folder: saved(folder, "ragged.csv", "1,2,3,4\n1,2\n"), "different lengths"),
        (lambda folder: saved(folder, "decimal.csv", "1,5;2,5\n"), "commas and semicolons"),
        (lambda folder: saved(folder, "word.csv", "1,2,3,4\n1,2,x,4\n"), "row 2"),
        (lambda folder: saved(folder, "ragged.json", [[1, 2], [3]]), "no array of numbers"),
        (lambda folder: saved(folder, "cut.json", "[1, 2"), "no array of numbers"),
        (lambda folder: saved(folder, "x.npz", {"other": np.zeros(4)}), "no input 'other'"),
        (_bomb, "damaged"),
        (_large_archive, "unpacks to"),
    ],
)
def test_what_does_not_fit_is_refused_by_what_is_wrong(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(RenodeMnistError, match=said):
        inputs.from_files([INT8], {"": make(tmp_path)})


@pytest.mark.parametrize(
    ("name", "content"), [("x.npz", b"PK\3\4nothing"), ("x.npy", b"\x93NUMPY\1\0"), ("x.csv", b"\xff")]
)
def test_a_damaged_file_is_an_error_not_a_traceback(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        inputs.from_files([INT8], {"": tmp_path / name})


def test_a_picture_is_refused_where_the_tensor_is_no_image(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "x.png")
    spec = TensorSpec("spectrum", np.dtype(np.int8), (1, 49, 40, 8), 1.0)
    with pytest.raises(DataError, match="no image of 1, 3 or 4 channels"):
        inputs.from_files([spec], {"": tmp_path / "x.png"})


def test_inputs_that_are_missing_or_unknown_are_named(tmp_path: Path) -> None:
    other = TensorSpec("other", np.dtype(np.int8), (1, 4), 1.0)
    file = saved(tmp_path, "x.npy", np.zeros(4, np.int8))
    with pytest.raises(DataError, match="has 2 inputs: 'features', 'other'"):
        inputs.from_files([INT8, other], {"": file})
    with pytest.raises(DataError, match="no file gives the input 'other'"):
        inputs.from_files([INT8, other], {"features": file})
    with pytest.raises(DataError, match="no input 'feature'"):
        inputs.from_files([INT8, other], {"feature": file})
    more = saved(tmp_path, "more.npy", np.zeros((3, 4), np.int8))
    with pytest.raises(DataError, match="1 of 'features', 3 of 'other'"):
        inputs.from_files([INT8, other], {"features": file, "other": more})


# Seeded ----------------------------------------------------------------------------------------------------------


def test_seeded_inputs_are_the_same_again_and_reach_over_the_range() -> None:
    spec = TensorSpec("x", np.dtype(np.int8), (1, 2000), 1.0)
    again = [inputs.seeded([spec], 2, seed).sets for seed in (1, 1, 2)]
    assert np.array_equal(again[0][1][0], again[1][1][0])
    assert not np.array_equal(again[0][0][0], again[2][0][0])
    assert (again[0][0][0].min(), again[0][0][0].max()) == (-128, 127)


def test_the_edge_cases_are_the_ends_and_the_zero_point() -> None:
    flag, index = TensorSpec("f", np.dtype(np.bool_), (1,)), TensorSpec("i", np.dtype(np.int32), (1,))
    found = inputs.edge_cases([INT8, FLOAT, flag, index])
    assert found.names == ("all lowest", "all highest", "zero point")
    assert [[array.flat[0] for array in tensors] for tensors in found.sets] == [
        [-128, -1, False, 0],
        [127, 1, True, 1],
        [3, 0, False, 0],
    ]


# The file's own metadata -----------------------------------------------------------------------------------------


def _model(table: bytes | None) -> bytes:
    builder = ModelBuilder()
    source, result = (builder.activation((1, 2), "INT8", scale=0.1) for _ in range(2))
    builder.operator("RELU", (source,), (result,))
    if table is not None:
        builder.attach(table)
    return builder.finish(source, result)


def test_labels_and_normalisation_come_from_the_metadata() -> None:
    content = with_files(_model(made_metadata(["labels.txt"], 127.5, 127.5)), {"labels.txt": "yes\nno\n"})
    found = metadata.read(content)
    assert found.labels == {0: ("yes", "no")}
    spec = TensorSpec("image", np.dtype(np.int8), (1, 2, 2, 3), 1.0)
    (pixels,) = inputs.pixel_ranges([spec], content, None)
    assert pixels is not None
    assert (pixels.low, pixels.high) == ((-1.0,), (1.0,))


def test_a_model_without_metadata_or_with_damaged_has_none() -> None:
    nothing = metadata.ModelMetadata({}, {})
    whole = made_metadata(["labels.txt"], 0.0, 255.0)
    assert metadata.read(_model(None)) == nothing
    assert metadata.read(_model(whole)).labels == {}  # named, but no archive
    for length in range(8, len(whole), 5):
        damaged = whole[:length] + bytes([255] * (len(whole) - length))
        metadata.read(_model(damaged))  # whatever it says, no traceback
