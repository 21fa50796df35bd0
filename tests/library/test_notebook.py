"""The notebook runs from top to bottom on each target that needs no board, and shows what it promises."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from renode_mnist import paths
from renode_mnist.session import opening

NOTEBOOK = paths.models() / "mnist.ipynb"
OUTPUT = paths.builds() / "notebook-test"
"""The same in each run: training is deterministic, so that what is built from its models is found built."""


def executed(**parameters: Any) -> dict[str, NotebookNode]:
    """The cells by their id, run with other parameters as papermill would: set behind the cell of that tag."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    tagged = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(tagged + 1, nbformat.v4.new_code_cell(lines))
    client = NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    )
    done = client.execute()
    return {cell.id: cell for cell in done.cells}


def shown(cell: NotebookNode) -> str:
    """What a cell's result says in a notebook, tags aside."""
    (result,) = (output for output in cell.outputs if output.output_type == "execute_result")
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", result.data["text/html"], flags=re.DOTALL).split())


def digest(folder: Path) -> str:
    """Of every file in a folder, with its name."""
    found = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return found.hexdigest()


NAMES = {"embedded": r"embedded \(Unicorn", "renode": r"renode \(1\.\d+", "host": r"host \("}


@pytest.mark.long
@pytest.mark.parametrize("target", NAMES)
def test_it_runs_from_top_to_bottom_in_its_short_mode(target: str) -> None:
    if (lacking := opening.lacks(target)) is not None:
        pytest.skip(str(lacking))
    before = digest(paths.models())
    cells = executed(short=True, target=target, output=str(OUTPUT), engines=["m7", "cmsis-nn"])

    outputs = [output for cell in cells.values() for output in cell.get("outputs", ())]
    assert not [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    for variant in ("float32", "size", "uint8", "int8"):
        assert f"{variant} mnist_{variant}.tflite" in shown(cells["convert"])
    assert "93,322 2,794,240" in shown(cells["inspect"])
    assert "of 1,000 test pictures right" in shown(cells["evaluate"])
    for cell in ("check", "run", "run-drawn", "float"):
        assert re.search(f"target {NAMES[target]}", shown(cells[cell]))
    assert re.search(r"class \d, score 0\.\d{4}", shown(cells["run"]))
    assert "int8/m7 216 MHz int8/cmsis-nn 216 MHz" in shown(cells["compare"])
    assert "CONV_2D+MAX_POOL_2D" in shown(cells["layers"])
    assert "kPixels[784]" in cells["header"].outputs[0].text
    assert digest(paths.models()) == before, "it wrote into models/"


@pytest.mark.long
def test_quantisation_aware_training_is_part_of_the_full_mode() -> None:
    cells = executed(output=str(OUTPUT.with_name("notebook-test-full")), epochs=1, engines=["m7"])
    assert "of 10,000 test pictures right" in shown(cells["train"])
    assert "qat mnist_qat.tflite" in shown(cells["convert"])
