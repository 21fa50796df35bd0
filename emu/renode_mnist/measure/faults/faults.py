"""Runs a campaign: by this process or by workers of Dask, kept as it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from renode_mnist import codegen, paths, version
from renode_mnist.errors import DataError, TargetError
from renode_mnist.images import BuildConfig, build
from renode_mnist.measure.evaluation import cluster, journal
from renode_mnist.measure.evaluation.evaluate import Interrupted, Progress, Workers
from renode_mnist.measure.evaluation.journal import Journal, Keeping
from renode_mnist.measure.faults import draw, station
from renode_mnist.measure.faults.campaign import Campaign, Retold
from renode_mnist.measure.faults.fault import Finding, Place
from renode_mnist.measure.faults.image_map import ImageMap
from renode_mnist.measure.faults.job import Cargo, Chunk, Worked, chunks, run_sha256
from renode_mnist.measure.faults.station import Station
from renode_mnist.model import inputs, interface
from renode_mnist.model.inputs import Samples
from renode_mnist.model.interface import TensorSpec
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import Connection
from renode_mnist.session.session import takes_digits
from renode_mnist.session.target_options import TargetOptions

DEFAULT_COUNT = 1000
DEFAULT_SAMPLES = 8
ALONE = Workers(1)
MOST_SAMPLES = 64
"""A worker keeps the chip's state for each, 1.5 MB, and what it executes."""


def _to_bytes(worked: Worked) -> bytes:
    findings = [each.to_json() for each in worked.findings]
    return json.dumps({"patience_seconds": worked.patience_seconds, "findings": findings}).encode()


def _from_bytes(content: bytes) -> Worked:
    kept = json.loads(content)
    return Worked(-1, kept["patience_seconds"], tuple(Finding.from_json(each) for each in kept["findings"]))


FINDINGS = Keeping("faults", "campaign", ".json", _to_bytes, _from_bytes)


def _joined(cargo: Cargo, chunk: Chunk, parts: Sequence[Worked | None]) -> Worked:
    if dead := [number for number, part in zip(chunk.faults, parts, strict=True) if part is None]:
        raise TargetError(
            f"every worker that was given fault {dead[0]} died",
            f"Look at it by `--only {dead[0]} -v`, and report it.",
        )
    there = [part for part in parts if part is not None]
    found = tuple(found for part in there for found in part.findings)
    return Worked(chunk.number, there[0].patience_seconds, found)


WORK = cluster.Work("faults", station.answer, Chunk.singly, _joined)


def default_samples(specs: Sequence[TensorSpec], takes_digits_: bool) -> Samples:
    """The committed digits for a network of digits, else seeded numbers."""
    if not takes_digits_:
        return inputs.seeded(specs, DEFAULT_SAMPLES)
    each = [inputs.from_files(specs, {"": paths.digits() / f"{digit}.png"}) for digit in range(10)]
    sets = tuple(one.sets[0] for one in each)
    return Samples(sets, tuple(f"digit {digit}" for digit in range(10)), ("the ten digits of models/digits",))


def prepared(
    config: BuildConfig,
    given: Samples | None,
    *,
    seed: int,
    places: Sequence[Place],
    elf: Path | None,
    progress: Callable[[Progress], None] = lambda now: None,
) -> tuple[Cargo, Connection, Samples, ImageMap]:
    """What a campaign needs: the image is built and asked once.

    Raises:
        RenodeMnistError: Model, inputs or build refuse, or the firmware is another's.
    """
    if seed < 0:
        raise DataError(f"there is no seed {seed}", "Give 0 or more.")
    graph = codegen.load(config.model)
    specs = interface.inputs(graph)
    digits = takes_digits([spec.shape for spec in specs], [spec.shape for spec in interface.outputs(graph)])
    samples = given or default_samples(specs, digits)
    if len(samples.sets) > MOST_SAMPLES:
        raise DataError(f"{len(samples.sets)} inputs are more than {MOST_SAMPLES}", "Choose some by --samples.")
    progress(Progress(f"building {config.name}"))
    image = elf or build(config).elf
    progress(Progress("starting embedded"))
    with open_session("embedded", image, TargetOptions(board=config.board)) as session:
        if session.firmware.model_sha256 != graph.sha256:
            raise TargetError(
                f"the firmware holds {session.firmware.model_name}, not {graph.name}",
                "Name the model that the image was built from, or leave --elf out.",
            )
        session.infer(samples.sets[0])
        connection = Connection(session.identity(), session.firmware)
    where = ImageMap.of(image)
    there = draw.places_of(where)
    if lacking := [place for place in places if place not in there]:
        raise DataError(f"this image has no place '{lacking[0]}'", "Its lines are driven without DMA: leave it out.")
    cargo = Cargo(
        image.read_bytes(),
        config.board,
        tuple(tuple(tensor.tobytes() for tensor in each) for each in samples.sets),
        seed,
        tuple(place for place in there if not places or place in places),
        version.version(),
        connection.target.version,
    )
    return cargo, connection, samples, where


def run(
    config: BuildConfig,
    samples: Samples | None = None,
    *,
    count: int = DEFAULT_COUNT,
    seed: int = 1,
    places: Sequence[Place] = (),
    elf: Path | None = None,
    workers: Workers = ALONE,
    resume: bool = False,
    progress: Callable[[Progress], None] = lambda now: None,
) -> Campaign:
    """Puts faults 0 to ``count`` of a seed into an image.

    Args:
        config: What to build; with ``elf`` what that was built from.
        samples: Inputs; the committed digits or seeded numbers without them.
        count: How many faults.
        seed: Faults of the same seed, places, image and inputs are the same.
        places: Where; everywhere without them.
        elf: An image that is there already.
        workers: Who tries them.
        resume: Go on where a run of the same was ended.
        progress: Told where it is.

    Raises:
        Interrupted: By Ctrl-C; what was tried is kept.
        RenodeMnistError: Model, inputs, build or cluster refuse.
    """
    if count < 1:
        raise DataError(f"{count} faults are none", "Give at least one.")
    workers.of("embedded", 1)  # what lacks is told before anything is built
    cargo, connection, given, where = prepared(
        config, samples, seed=seed, places=places, elf=elf, progress=progress
    )  # fmt: skip
    with journal.opened_for(FINDINGS, run_sha256(cargo), resume=resume) as kept:
        _try_all(cargo, count, kept, workers, progress)
        worked = [_read(kept, chunk) for chunk in chunks(count)]
        made = Campaign(
            connection,
            seed,
            cargo.places,
            given.names,
            given.notes,
            where.weights,
            worked[0].patience_seconds,
            tuple(found for each in worked for found in each.findings),
        )
        kept.drop()
    return made


def again(cargo: Cargo, number: int) -> Retold:
    """Tries one fault by itself: it comes to what it came to among the others.

    Raises:
        DataError: Numbers begin at 0.
    """
    if number < 0:
        raise DataError(f"there is no fault {number}", "Give 0 or more.")
    opened = Station(cargo)
    try:
        return opened.retold(number)
    finally:
        opened.close()


def _try_all(
    cargo: Cargo,
    count: int,
    kept: Journal[Worked],
    workers: Workers,
    progress: Callable[[Progress], None],
) -> None:
    every = {chunk.number: chunk for chunk in chunks(count)}
    there = {number for number in kept.done() & set(every) if _is_whole(kept, every[number])}
    pending = [chunk for number, chunk in every.items() if number not in there]
    resumed = done = sum(len(every[number].faults) for number in there)
    progress(Progress("trying faults", done, count, resumed))

    def keep(worked: Worked) -> None:
        nonlocal done
        kept.keep(worked.number, worked)
        done += len(worked.findings)
        progress(Progress("trying faults", done, count, resumed))

    if not pending:
        return
    processes = workers.of("embedded", len(pending))
    try:
        if processes == 1:
            _here(cargo, pending, keep)
        else:
            cluster.run(WORK, cargo, pending, keep, workers=processes, scheduler=workers.scheduler)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted: {done:,} of {count:,} faults are tried and kept",
            "The same command with --resume goes on.",
        ) from None


def _here(cargo: Cargo, pending: Sequence[Chunk], keep: Callable[[Worked], None]) -> None:
    try:
        for chunk in pending:
            keep(station.answer(cargo, chunk))
    finally:
        station.close_all()


def _is_whole(kept: Journal[Worked], chunk: Chunk) -> bool:
    found = kept.read(chunk.number)
    return found is not None and [each.fault.number for each in found.findings] == list(chunk.faults)


def _read(kept: Journal[Worked], chunk: Chunk) -> Worked:
    found = kept.read(chunk.number)
    if found is None:
        raise DataError(
            f"what was kept of faults {chunk.faults.start:,} and after is damaged",
            "The same command with --resume tries them again.",
        )
    return found
