"""Evaluates an image over a data set: the answers of a firmware, by this process or by workers of Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from renode_mnist import codegen, version
from renode_mnist.codegen.graph import Graph
from renode_mnist.errors import DataError, FirmwareError, RenodeMnistError, TargetError
from renode_mnist.images import BuildConfig, build
from renode_mnist.measure.evaluation import cluster, journal, station
from renode_mnist.measure.evaluation.evaluation import Evaluation, scored
from renode_mnist.measure.evaluation.job import Answers, Cargo, Chunk, Worked, chunks, run_sha256, sha256
from renode_mnist.measure.evaluation.journal import Journal
from renode_mnist.measure.evaluation.question import question
from renode_mnist.measure.evaluation.reference import Reference
from renode_mnist.model import interface, labelled_files, metadata
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.model.labelled_files import Where
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import Connection
from renode_mnist.session.session import takes_digits
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.wire.messages import LayerTiming


def _killing(cargo: Cargo) -> Answers:
    answers = cargo.blank(1)
    answers.aside[0] = "every worker that was given it died"
    return answers


def _joined(cargo: Cargo, chunk: Chunk, parts: Sequence[Worked | None]) -> Worked:
    return Worked(chunk.number, Answers.joined([part.answers if part else _killing(cargo) for part in parts]))


WORK = cluster.Work("evaluate", station.answer, Chunk.singly, _joined)

ONE_OF_A_KIND = ("board",)
"""Targets that only one worker can have."""


class Interrupted(RenodeMnistError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130


@dataclass(frozen=True)
class Workers:
    """Who answers.

    Attributes:
        count: Processes on this machine; None for one a core, where Dask is installed.
        scheduler: Address of a scheduler of Dask, in place of them.
    """

    count: int | None = None
    scheduler: str | None = None

    def of(self, target: str, pending: int) -> int:
        """How many there are to be; 0 where the scheduler knows.

        Raises:
            DataError: Both are named, or more than one for a target of which there is one.
            EnvironmentProblem: Several need Dask, which is not installed.
        """
        if self.scheduler is not None:
            if self.count is not None:
                raise DataError(
                    f"{self.count} workers are asked for, and a scheduler that has its own", "Give one of the two."
                )
            if target in ONE_OF_A_KIND:
                raise DataError(f"there is one {target}, and it is here", "Leave --scheduler out.")
            cluster.require()
            return 0
        if target in ONE_OF_A_KIND:
            if (self.count or 1) > 1:
                raise DataError(f"there is one {target} for {self.count} workers", "Leave --workers out.")
            return 1
        if self.count is not None:
            if self.count > 1:
                cluster.require()
            return self.count
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, min(cores, pending)) if cluster.is_there() else 1


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        doing: What, in a few words.
        done: Inputs answered.
        count: Of so many; 0 before that is known.
        resumed: Inputs that were answered before.
    """

    doing: str
    done: int = 0
    count: int = 0
    resumed: int = 0


def evaluate(
    config: BuildConfig,
    target: str,
    options: TargetOptions,
    where: Where,
    *,
    images: int | None = None,
    output: str | None = None,
    elf: Path | None = None,
    with_reference: bool = True,
    workers: Workers = Workers(1),
    resume: bool = False,
    progress: Callable[[Progress], None] = lambda now: None,
) -> Evaluation:
    """What an image answers to labelled samples, and what that is worth.

    Args:
        config: What to build; with ``elf`` what that was built from.
        target: Where to run it.
        options: Of the target.
        where: The samples.
        images: How many of them; None for all.
        output: Name or number of the output that is scored, where there are several.
        elf: An image that is there already.
        with_reference: Whether each answer is held to the PC's.
        workers: Who answers.
        resume: Go on where a run of the same was ended.
        progress: Told where it is.

    Raises:
        Interrupted: By Ctrl-C; what is answered is kept.
        RenodeMnistError: Model, data, build, target or cluster refuse.
    """
    workers.of(target, 1)  # what lacks is told before anything is built
    content = config.model.read_bytes()
    graph = codegen.load(config.model)
    inputs, outputs = interface.inputs(graph), interface.outputs(graph)
    names = metadata.read(content).labels
    progress(Progress("reading the data"))
    takes_mnist = takes_digits([spec.shape for spec in inputs], [spec.shape for spec in outputs])
    of_classes = next(iter(names.values()), ()) if len(names) == 1 else ()
    data = labelled_files.read(replace(where, class_names=of_classes), inputs, content, takes_digits=takes_mnist)
    data = data.only(len(data) if images is None else images)
    progress(Progress(f"building {config.name}"))
    image = elf or build(config).elf
    progress(Progress(f"starting {target}"))
    connection, layers = _probe(target, image, options, data, graph)
    asked = question(data, inputs, outputs, layers, output, names)
    with ExitStack() as opened:
        reference = opened.enter_context(Reference(config.model, content, graph)) if with_reference else None
        cargo = _cargo(image, content, target, options, connection, graph, reference)
        data_sha256 = data.sha256()
        kept = opened.enter_context(journal.opened(run_sha256(cargo, data_sha256), resume=resume))
        _answer_all(cargo, data, kept, reference, workers, progress)
        answers = Answers.joined([_read(kept, chunk) for chunk in chunks(data)])
        found = scored(
            connection,
            data,
            data_sha256,
            inputs,
            asked,
            answers,
            reference.verdict(data, answers) if reference is not None else None,
            "not asked for" if reference is None else reference.lacking,
        )
        kept.drop()
    return found


def _probe(
    target: str, image: Path, options: TargetOptions, data: LabelledSet, graph: Graph
) -> tuple[Connection, tuple[LayerTiming, ...]]:
    """Who will answer: asked once here, before workers are."""
    with open_session(target, image, options) as session:
        firmware = session.firmware
        if firmware.model_sha256 != graph.sha256:
            raise TargetError(
                f"the firmware holds {firmware.model_name} (SHA-256 {firmware.model_sha256[:12]}…), not {graph.name} "
                f"(SHA-256 {graph.sha256[:12]}…)",
                "Name the model that the image was built from, or leave --elf out.",
            )
        layers = session.client.layers()
        try:
            session.infer(data.tensors(0))  # the stack's high-water mark is that of its work
        except (FirmwareError, TargetError):
            return Connection(session.identity(), firmware), layers
        return Connection(session.identity(), session.firmware), layers


def _cargo(
    image: Path,
    content: bytes,
    target: str,
    options: TargetOptions,
    connection: Connection,
    graph: Graph,
    reference: Reference | None,
) -> Cargo:
    program = image.read_bytes()
    parameters = None if options.parameters is None else Path(options.parameters).read_bytes()
    return Cargo(
        program,
        sha256(program),
        content,
        graph.sha256,
        target,
        # The file's content travels, not its place on this machine.
        replace(options, parameters=None),
        parameters,
        "" if reference is None else reference.for_workers,
        tuple((spec.shape, spec.dtype.str) for spec in interface.outputs(graph)),
        connection.target,
        connection.firmware.build_id,
        version.version(),
    )


def _answer_all(
    cargo: Cargo,
    data: LabelledSet,
    kept: Journal[Answers],
    reference: Reference | None,
    workers: Workers,
    progress: Callable[[Progress], None],
) -> None:
    every = {chunk.number: chunk for chunk in chunks(data)}
    there = {number for number in kept.done() & set(every) if _is_whole(kept, every[number])}
    pending = [chunk for number, chunk in every.items() if number not in there]
    resumed = done = sum(len(every[number]) for number in there)
    progress(Progress("answering", done, len(data), resumed))

    def keep(worked: Worked) -> None:
        nonlocal done
        chunk = every[worked.number]
        if reference is not None:
            reference.complete(chunk, worked.answers)
        kept.keep(worked.number, worked.answers)
        done += len(chunk)
        progress(Progress("answering", done, len(data), resumed))

    if not pending:
        return
    count = workers.of(cargo.target, len(pending))
    try:
        if count == 1:
            _here(cargo, iter(pending), keep)
        else:
            cluster.run(WORK, cargo, pending, keep, workers=count, scheduler=workers.scheduler)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted: {done:,} of {len(data):,} inputs are answered and kept",
            "The same command with --resume goes on.",
        ) from None


def _here(cargo: Cargo, pending: Iterator[Chunk], keep: Callable[[Worked], None]) -> None:
    try:
        for chunk in pending:
            keep(station.answer(cargo, chunk))
    finally:
        station.close_all()


def _is_whole(kept: Journal[Answers], chunk: Chunk) -> bool:
    found = kept.read(chunk.number)
    return found is not None and len(found.counters) == len(chunk)


def _read(kept: Journal[Answers], chunk: Chunk) -> Answers:
    found = kept.read(chunk.number)
    if found is None:
        raise DataError(
            f"what was kept of inputs {chunk.first:,} and after is damaged",
            "The same command with --resume answers them again.",
        )
    return found
