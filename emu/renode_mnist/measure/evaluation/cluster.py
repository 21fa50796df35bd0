"""Pieces of work by workers of Dask: a cluster on this machine, or any scheduler by its address.

Dask moves tasks and data, starts a lost worker's tasks again elsewhere and gives up one that has cost too many
workers. What is here is how many tasks it is given at a time, and what follows when it gives one up.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem

if TYPE_CHECKING:
    from distributed import Client, Future

DEATHS_ALLOWED = 0
"""Tries that Dask makes of itself after a worker's death, in the cluster that is started here. Its tasks there are
then tried alone: an input's first death is among others, its second in its chunk, its third by itself. A scheduler of
one's own has the setting ``distributed.scheduler.allowed-failures`` (3 as it comes)."""

_SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS_ALLOWED,
    # Dask samples the stack of what a worker does and keeps a tree for each second of an hour: 12 kB an input here.
    "distributed.worker.profile.enabled": False,
}

_AHEAD = 4
"""Chunks a worker that the scheduler holds at a time: what a worker does next is there when it is done."""
_LEAST_AHEAD = 8
_WORKER_WAIT_SECONDS = 30
_CONNECT_SECONDS = 10

_LOST = (
    "the scheduler at {} is lost",
    "What is answered is kept. Start it again, and give the same command with --resume.",
)
_QUIET = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""For workers on this machine: Ctrl-C on a terminal reaches them too, and is for whoever asked them."""


C = TypeVar("C")
P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Work(Generic[C, P, R]):
    """What workers are asked for; its functions are found by their names where a worker runs.

    Attributes:
        name: For the scheduler's tasks.
        answer: What comes of a piece; called by workers, which keep what they have opened for a cargo.
        singly: A piece's parts, each alone.
        joined: Of a piece what its parts have come to; None for one that has cost too many workers.
    """

    name: str
    answer: Callable[[C, P], R]
    singly: Callable[[P], Iterable[P]]
    joined: Callable[[C, P, Sequence[R | None]], R]


def require() -> None:
    """Raises where Dask is not installed.

    Raises:
        EnvironmentProblem: It is not.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as missing:
        raise EnvironmentProblem(
            f"several workers need {missing.name}",
            f"{remedies.run_extra('cluster')} Or take one: `--workers 1`.",
        ) from None


def is_there() -> bool:
    """Whether Dask is installed."""
    with suppress(EnvironmentProblem):
        require()
        return True
    return False


def run(
    work: Work[C, P, R],
    cargo: C,
    pending: Iterable[P],
    keep: Callable[[R], None],
    *,
    workers: int,
    scheduler: str | None,
) -> None:
    """Has pieces answered.

    Args:
        work: What is asked for.
        cargo: What each worker is given once.
        pending: The pieces; read as workers come to them, so that not all of them are in memory.
        keep: Called with what came of a piece, in any order, once for each. A part that has cost too many workers is
            set aside in it.
        workers: Processes on this machine, where no scheduler is named.
        scheduler: ``tcp://host:port`` or ``tls://host:port``.

    Raises:
        EnvironmentProblem: There is no Dask, no scheduler, or no worker; or the scheduler was lost.
        RenodeMnistError: A worker refuses for a reason of its own.
    """
    require()
    with _client(workers, scheduler) as client:
        asked = _Asked(client, work, cargo)
        suspected: list[P] = []
        for piece, worked in asked.answered(iter(pending), max(_LEAST_AHEAD, _AHEAD * asked.threads)):
            if worked is None:
                suspected.append(piece)
            else:
                keep(worked)
        # One at a time, so that a worker's death is of nobody else's doing. First the piece as a whole: where its
        # workers were lost for other reasons, its answers are what they would have been.
        for piece in suspected:
            worked = asked.alone(piece)
            if worked is None:
                worked = work.joined(cargo, piece, [asked.alone(each) for each in work.singly(piece)])
            keep(worked)


class _Asked(Generic[C, P, R]):
    """Dask, asked for pieces of one cargo."""

    def __init__(self, client: Client, work: Work[C, P, R], cargo: C) -> None:
        self._client = client
        self._work = work
        self._run = uuid.uuid4().hex[:12]
        self._tasks = itertools.count()
        self.threads = sum(client.nthreads().values())
        # A task like the others, not scattered data: the scheduler makes it again where the worker that held it died.
        self._cargo = client.submit(_carried, cargo, key=f"renode-mnist-cargo-{self._run}")

    def alone(self, piece: P) -> R | None:
        """What comes of a piece while nothing else is asked; None where it costs too many workers."""
        return next(worked for _, worked in self.answered(iter([piece]), 1))

    def answered(self, pending: Iterator[P], ahead: int) -> Iterator[tuple[P, R | None]]:
        """Pieces with what came of them, in the order in which they are done."""
        from distributed import as_completed

        pieces: dict[Future, P] = {}
        under_way: Any = as_completed(loop=self._client.loop)

        def submit() -> None:
            if (piece := next(pending, None)) is None:
                return
            key = f"renode-mnist-{self._work.name}-{self._run}-{next(self._tasks)}"
            future = self._client.submit(self._work.answer, self._cargo, piece, key=key, pure=False)
            pieces[future] = piece
            under_way.add(future)

        for _ in range(ahead):
            submit()
        for future in under_way:
            if future.status == "lost":  # its worker died before the answers were taken: another makes them again
                under_way.add(future)
                continue
            submit()
            yield pieces.pop(future), self._result(future)

    def _result(self, future: Future) -> R | None:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            found: R = future.result()
        except (CancelledError, CommClosedError):  # before its answers were asked for, or on their way
            what, remedy = _LOST
            raise EnvironmentProblem(what.format(self._client.scheduler.address), remedy) from None
        except KilledWorker:
            return None
        except ImportError as error:
            raise EnvironmentProblem(
                f"a worker lacks {error.name or 'a module'} ({error})",
                "Install this version of renode-mnist where the worker runs.",
            ) from error
        return found


def _carried(cargo: C) -> C:
    return cargo


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    with ExitStack() as opened:
        if scheduler is None:
            opened.enter_context(_silent())
            # Theirs and Dask's: a worker that is ended removes nothing of its own.
            folder = opened.enter_context(
                tempfile.TemporaryDirectory(prefix="renode-mnist-", ignore_cleanup_errors=True)
            )
            opened.enter_context(dask.config.set({**_SETTINGS, "temporary-directory": folder}))
            cluster = opened.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # a port that is free
                    silence_logs=logging.CRITICAL,
                    preload=[_QUIET],
                    local_directory=folder,
                    env={"TMPDIR": folder},
                )
            )
            client = opened.enter_context(Client(cluster, set_as_default=False))
        else:
            _check_certificates(scheduler)
            opened.enter_context(_silent())
            try:
                client = opened.enter_context(Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False))
            except (OSError, ValueError, TimeoutError) as error:
                raise EnvironmentProblem(
                    f"no scheduler answers at {scheduler} ({' '.join(str(error).split()) or type(error).__name__})",
                    "Start one, as `dask scheduler --host ...`, and give its address as it prints it.",
                ) from None
        try:
            client.wait_for_workers(1, timeout=_WORKER_WAIT_SECONDS)
        except TimeoutError:
            raise EnvironmentProblem(
                f"{scheduler or 'the local cluster'} has no worker", "Start one, as `dask worker ADDRESS`."
            ) from None
        yield client


def _check_certificates(scheduler: str) -> None:
    """Dask finds what is wrong with them in the middle of a connection, which then stays half open for 20 s."""
    from distributed.security import Security

    try:
        found = Security().get_connection_args("client")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise EnvironmentProblem(
            f"the certificates for {scheduler} cannot be read ({' '.join(str(error).split())})",
            "Look at the variables DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY.",
        ) from None
    is_encrypted = scheduler.startswith("tls://")
    if is_encrypted and found["ssl_context"] is None:
        raise EnvironmentProblem(
            f"{scheduler} asks for a certificate, and none is named",
            "Set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...__CLIENT__CERT and ...__CLIENT__KEY.",
        )
    if not is_encrypted and found["require_encryption"]:
        raise EnvironmentProblem(
            f"{scheduler} is not encrypted, as DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION asks for",
            "Give the address that the scheduler prints; with TLS it begins with tls://.",
        )


@contextmanager
def _silent() -> Iterator[None]:
    """Dask's log away from the terminal: what happens to workers shows in what is told at the end."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.core")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
