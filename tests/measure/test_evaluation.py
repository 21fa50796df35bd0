"""What a firmware scores over a data set: its figures, its pages, what is kept of a run that was ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edge_networks import svdf
from renode_mnist import codegen, paths
from renode_mnist.cli import app
from renode_mnist.errors import DataError, EnvironmentProblem
from renode_mnist.images import BuildConfig, resolve_model
from renode_mnist.measure.evaluation import cluster, evaluate, job, journal, scores, station
from renode_mnist.measure.evaluation.evaluate import Interrupted, Progress, Workers
from renode_mnist.measure.evaluation.evaluation import Evaluation
from renode_mnist.measure.evaluation.job import Chunk, Worked
from renode_mnist.measure.evaluation.question import question
from renode_mnist.model import inputs, interface
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.model.labelled_files import Where
from renode_mnist.report import evaluation, evaluation_page
from renode_mnist.session.opening import machine_of
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions

INT8 = resolve_model("int8")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(job, "CHUNK_INPUTS", 4)
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def digit_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ten sample digits, and again with a mark in a corner; the 3 is labelled 5."""
    digits = [np.asarray(Image.open(paths.digits() / f"{digit}.png").convert("L"), np.uint8) for digit in range(10)]
    marked = [digit.copy() for digit in digits]
    for digit in marked:
        digit[1, 1] = 40
    labels = np.array([*range(10)] * 2, np.uint8)
    labels[3] = 5
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(file, image=np.stack(digits + marked), labels=labels)
    return file


def evaluated(data: Path | None, model: Path = INT8, target: str = "embedded", **more: Any) -> Evaluation:
    where = Where(data, **more.pop("where", {}))
    engine = more.pop("engine", "m7")
    config = BuildConfig(model, engine=engine, machine=machine_of(target))
    options = TargetOptions(clock_model=more.pop("clock_model", "instructions"))
    return evaluate.evaluate(config, target, options, where, **more)


def as_json(found: Evaluation) -> str:
    return json.dumps(evaluation.to_json(found))


def after(count: int) -> Callable[[Progress], None]:
    """Presses Ctrl-C once so many inputs are answered."""

    def press(now: Progress) -> None:
        if now.done >= count and now.done > now.resumed:
            raise KeyboardInterrupt

    return press


def test_a_classifier_has_its_matrix_and_its_wrong_samples(digit_set: Path) -> None:
    found = evaluated(digit_set)

    assert (found.correct, found.count) == (19, 20)
    assert found.classes is not None
    assert found.classes.confusion[5].tolist() == [0, 0, 0, 1, 0, 2, 0, 0, 0, 0]
    assert (found.classes.recall(5), found.classes.precision(3), found.classes.recall(7)) == (2 / 3, 0.5, 1.0)
    (wrong,) = found.classes.wrong
    assert (wrong.position, wrong.name, wrong.label, wrong.answer) == (3, "#3", 5, 3)
    assert found.against is not None
    assert (found.against.equal, found.against.different) == (20, ())
    assert found.costs.fastest[1] <= found.costs.mean <= found.costs.slowest[1]
    page = evaluation_page.render(found)
    assert "is 5, answered 3" in page
    assert page.count("<img") == 3  # the wrong one, the fastest, the slowest
    assert page == evaluation_page.render(found)


def test_a_run_that_is_interrupted_goes_on_to_the_same_bytes(
    digit_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = as_json(evaluated(digit_set))
    with pytest.raises(Interrupted, match=r"8 of 20 inputs are answered and kept\. The same command with --resume"):
        evaluated(digit_set, progress=after(8))
    asked: list[int] = []
    answer = station.answer

    def counted(cargo: job.Cargo, chunk: Chunk) -> Worked:
        asked.append(chunk.number)
        return answer(cargo, chunk)

    monkeypatch.setattr(station, "answer", counted)
    with pytest.raises(Interrupted, match="16 of 20"):
        evaluated(digit_set, progress=after(16), resume=True)
    (kept,) = (paths.cache() / "evaluate").glob("*/00000001.npz")
    kept.write_bytes(kept.read_bytes()[:100])  # as a disk may do
    assert as_json(evaluated(digit_set, resume=True)) == whole
    assert asked == [2, 3, 1, 4]
    assert not list((paths.cache() / "evaluate").glob("*/*.npz")), "a run that is done keeps nothing"


def test_what_was_kept_of_another_run_is_not_taken(digit_set: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        evaluated(digit_set, progress=after(4))
    told: list[Progress] = []
    evaluated(digit_set, images=8, resume=True, progress=told.append)
    assert {now.resumed for now in told} == {0}


def test_without_resume_a_run_begins_anew(digit_set: Path) -> None:
    with pytest.raises(Interrupted):
        evaluated(digit_set, progress=after(16))
    told: list[Progress] = []
    evaluated(digit_set, progress=told.append)
    assert {now.resumed for now in told} == {0}


def test_two_of_the_same_run_are_not_under_way_at_once() -> None:
    with journal.opened("ab" * 32, resume=False), pytest.raises(EnvironmentProblem, match="under way"):
        journal.opened("ab" * 32, resume=True).__enter__()


def test_modelled_cycles_do_not_depend_on_what_ran_before(digit_set: Path, tmp_path: Path) -> None:
    with np.load(digit_set) as found:
        backwards = tmp_path / "backwards.npz"
        np.savez(backwards, image=found["image"][:2][::-1], labels=found["labels"][:2][::-1])
        forwards = tmp_path / "forwards.npz"
        np.savez(forwards, image=found["image"][:2], labels=found["labels"][:2])
    one, other = (
        evaluated(file, clock_model="m7", with_reference=False).answers.counters for file in (forwards, backwards)
    )
    assert one.tolist() == other[::-1].tolist()
    assert len(set(one.tolist())) > 1, "all cost the same: the test shows nothing"


def test_a_network_with_a_memory_answers_each_input_from_its_initial_state(tmp_path: Path) -> None:
    model = tmp_path / "svdf.tflite"
    model.write_bytes(svdf("INT8"))
    specs = interface.inputs(codegen.load(model))
    (given,) = inputs.seeded(specs, 1).sets
    file = tmp_path / "data.npz"
    np.savez(file, **{specs[0].name: np.stack([given[0]] * 6)})
    found = evaluated(file, model, target="host", engine="reference", with_reference=False)
    (answers,) = found.answers.outputs
    assert (answers == answers[0]).all()
    assert (found.question.kind, found.against) == ("unlabelled", None)
    assert evaluation.reference(found) == "none: not asked for"


def test_an_input_that_the_firmware_refuses_is_set_aside_and_named(tmp_path: Path) -> None:
    model = resolve_model("float32")
    file = tmp_path / "data.npz"
    images = np.zeros((3, 28, 28, 1), np.float32)
    np.savez(file, image=images, labels=[0, 1, 2])
    infer, calls = Session.infer, []

    def poisoned(self: Session, tensors: Any, name: str = "") -> Any:
        calls.append(1)
        if len(calls) == 3:  # the first is the probe's: the second input is no number on its way
            tensors = [np.full_like(tensors[0], np.nan)]
        return infer(self, tensors, name)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Session, "infer", poisoned)
        found = evaluated(file, model)
    (aside,) = found.aside
    assert (aside.position, aside.name, found.count) == (1, "#1", 2)
    assert "BAD_VALUE" in aside.why
    assert found.answers.counters[1] == -1
    assert "1 without an answer: #1 (the firmware answered BAD_VALUE" in evaluation.sentences(found)[-1].said


WAVE = TensorSpec("wave", np.dtype(np.float32), (1, 4))
ONE = TensorSpec("one", np.dtype(np.float32), (1, 1))
MANY = TensorSpec("many", np.dtype(np.float32), (1, 3))


def samples(labels: Any = None, targets: Any = None) -> LabelledSet:
    return LabelledSet(
        "set",
        (np.ones((2, 1, 4), np.float32),),
        None if labels is None else np.array(labels),
        None if targets is None else np.array(targets, np.float64),
        np.arange(2),
    )


@pytest.mark.parametrize(
    ("data", "outputs", "kind"),
    [
        (samples(labels=[0, 2]), [MANY], "classes"),
        (samples(labels=[0, 1]), [ONE], "detector"),
        (samples(targets=[[1.0], [2.0]]), [ONE], "numbers"),
        (samples(), [WAVE], "numbers"),
        (samples(), [MANY], "unlabelled"),
    ],
)
def test_what_a_set_asks_follows_from_what_it_has(data: LabelledSet, outputs: list[TensorSpec], kind: str) -> None:
    asked = question(data, [WAVE], outputs, (), None, {})
    assert (asked.kind, asked.is_reconstruction) == (kind, outputs == [WAVE])


@pytest.mark.parametrize(
    ("data", "outputs", "named", "said"),
    [
        (samples(labels=[0, 3]), [MANY], None, "label 3, and the output 'many' .* 3 classes"),
        (samples(labels=[0, 2]), [ONE], None, "not 0 and 1"),
        (samples(targets=[[1.0], [2.0]]), [MANY], None, "1 elements a sample"),
        (samples(labels=[0, 1]), [ONE, MANY], None, "2 outputs could be meant"),
        (samples(labels=[0, 1]), [ONE, MANY], "other", "no one output 'other'"),
    ],
)
def test_what_cannot_be_scored_is_told_before_anything_runs(
    data: LabelledSet, outputs: list[TensorSpec], named: str | None, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        question(data, [WAVE], outputs, (), named, {})
    if named is None and len(outputs) == 2:
        assert question(data, [WAVE], outputs, (), "many", {}).position == 1


def test_regressions_have_errors_and_name_the_worst() -> None:
    spec = TensorSpec("y", np.dtype(np.float32), (1, 1))
    stored = np.float32([[[1]], [[2]], [[6]], [[0]]])
    wanted = np.array([[1.0], [3.0], [4.0], [99.0]])
    found = scores.numbers(stored, spec, wanted, [0, 1, 2], is_reconstruction=False)
    assert found.mean_absolute_error == 1.0
    assert found.root_mean_square_error == pytest.approx(np.sqrt(5 / 3))
    assert (found.largest_error, found.worst) == (2.0, 2)
    assert found.r_squared == pytest.approx(1 - 5 / (14 / 3))


def test_the_command_line_prints_a_table_of_80_columns_json_and_a_page(digit_set: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    call = ["evaluate", "int8", "--data", str(digit_set), "--workers", "1"]
    shown = CliRunner().invoke(app, [*call, "--html", str(page)], catch_exceptions=False, env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    assert "19 of 20 right, 95.00% (digits.npz)." in shown.stdout
    assert not shown.stderr, "a bar into a pipe"
    table = [line for line in shown.stdout.splitlines() if line.startswith(("is ", "5 "))]
    assert [line.split() for line in table] == [
        ["is", *"0123456789", "rec.", "%", "prec.", "%"],
        ["5", "·", "·", "·", "1", "·", "2", *"····", "66.7", "100.0"],
    ]
    assert "is 5, answered 3" in page.read_text()
    found = json.loads(CliRunner().invoke(app, [*call, "--json"], catch_exceptions=False).stdout)
    assert (found["correct"], found["wrong"][0]["answer"], found["reference"]["equal"]) == (19, "3", 20)
    assert found["instructions"]["fastest"]["instructions"] <= found["instructions"]["mean"]


def test_many_classes_have_a_row_each_in_place_of_a_matrix() -> None:
    matrix = np.zeros((40, 40), np.int64)
    np.fill_diagonal(matrix, 1000)
    matrix[7, 9] = 12
    laid_out = evaluation.table(scores.Classes(matrix, (), ()))
    assert laid_out.headings == ("class", "samples", "recall %", "precision %", "taken for")
    assert laid_out.rows[7] == ("7", "1,012", "98.8", "100.0", "9 (12)")


@pytest.mark.parametrize(
    ("workers", "target", "said"),
    [
        (Workers(2, "tcp://host:1"), "embedded", "Give one of the two"),
        (Workers(2), "board", "there is one board"),
        (Workers(None, "tcp://host:1"), "board", "Leave --scheduler out"),
    ],
)
def test_workers_that_cannot_be_are_told_first(workers: Workers, target: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        workers.of(target, 10)


def test_without_dask_one_worker_is_taken_and_several_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert not cluster.is_there()
    assert Workers().of("embedded", 100) == 1
    for asked in (Workers(2), Workers(None, "tcp://host:1")):
        with pytest.raises(EnvironmentProblem, match=r"install.*distributed.*extra cluster.*--workers 1"):
            asked.of("embedded", 100)


def test_cargo_that_was_changed_on_its_way_is_refused(digit_set: Path) -> None:
    cargo = job.Cargo(
        b"image", job.sha256(b"image"), b"model", job.sha256(b"other"), "host", TargetOptions(), None, "", (),
        None, "", "",  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(DataError, match="the model came with"):
        cargo.check()
