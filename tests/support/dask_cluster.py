"""A scheduler and workers of Dask as processes of their own, over TCP; a worker that can be told to die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from distributed.security import Security

from renode_mnist import paths

_START_SECONDS = 120

# In each worker: says who it is, and dies of an input whose first byte is the poison.
_PRELOAD = """
import os, signal
from pathlib import Path
import numpy as np
from renode_mnist.measure.evaluation.station import Station

POISON = os.environ.get("POISON")
FOLDER = Path(os.environ["WORKERS"])

def dask_setup(server):
    if type(server).__name__ == "Worker":  # and no nanny
        (FOLDER / f"worker-{os.getpid()}").touch()

# Dask may run this twice in one process.
answer = Station.__dict__.get("answer_of_its_own", Station.answer)
Station.answer_of_its_own = answer

def deadly(self, chunk):
    if POISON is not None and (chunk.inputs[0].reshape(len(chunk), -1)[:, 0] == int(POISON)).any():
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(self, chunk)

Station.answer = deadly
"""


def _certificates(folder: Path) -> dict[str, str]:
    """One certificate for all, signed by itself, and the environment that docs/evaluate.md names for it."""
    made: Any = Security.temporary()
    ca, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    ca.write_text(made.tls_ca_file)
    certificate.write_text(made.tls_client_cert)
    key.write_text(made.tls_client_key)
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    of_each = {
        f"{tls}{role}__{what}": str(file)
        for role in ("CLIENT", "SCHEDULER", "WORKER")
        for what, file in (("CERT", certificate), ("KEY", key))
    }
    return {f"{tls}CA_FILE": str(ca), "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true", **of_each}


class DaskCluster:
    """To be used as a context manager.

    Args:
        folder: For its files.
        workers: How many processes that serve the scheduler.
        poison: First byte of the inputs that kill a worker.
        nanny: Whether a dead worker is started again.
        encrypted: By TLS, with certificates of its own; ``settings`` are then a client's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 2,
        poison: int | None = None,
        nanny: bool = True,
        encrypted: bool = False,
    ) -> None:
        self._folder, self._workers, self._nanny = folder, workers, nanny
        self.settings = _certificates(folder) if encrypted else {}
        self._protocol = ["--protocol", "tls"] if encrypted else []
        # The interpreter of the workers finds the sources that are tested, whichever are installed.
        python_path = os.pathsep.join(filter(None, (str(paths.package().parent), os.environ.get("PYTHONPATH"))))
        self._environment = {
            **os.environ,
            "PYTHONPATH": python_path,
            "WORKERS": str(folder),
            "TMPDIR": str(folder),  # a worker that is killed leaves its image behind
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            **self.settings,
            **({} if poison is None else {"POISON": str(poison)}),
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def __enter__(self) -> Self:
        preload = self._folder / "preload.py"
        preload.write_text(_PRELOAD)
        place = self._folder / "scheduler.json"
        self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", place,
            *self._protocol,
        )  # fmt: skip
        nanny = "--nanny" if self._nanny else "--no-nanny"
        for _ in range(self._workers):
            self._start(
                "worker", "--scheduler-file", place, "--host", "127.0.0.1", "--nthreads", "1", nanny,
                "--no-dashboard", "--preload", preload, "--local-directory", self._folder,
            )  # fmt: skip
        self._wait(lambda: len(self.pids()) == self._workers)
        self.address = json.loads(place.read_text())["address"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Each with a group of its own: a nanny that is killed leaves its worker behind.
        for process in self._processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def pids(self) -> list[int]:
        """Of all worker processes that there were."""
        return sorted(int(file.name.removeprefix("worker-")) for file in self._folder.glob("worker-*"))

    def wait_for(self, workers: int) -> None:
        """Until there were so many: a nanny takes its time."""
        self._wait(lambda: len(self.pids()) >= workers)

    def kill_worker(self) -> None:
        """Ends a worker in whatever it does."""
        os.kill(self.pids()[0], signal.SIGKILL)

    def kill_scheduler(self) -> None:
        """Likewise the scheduler."""
        self._processes[0].kill()

    def _start(self, *words: object) -> None:
        log = (self._folder / "log").open("ab")
        self._processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, words)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        log.close()

    def _wait(self, there: Callable[[], bool]) -> None:
        until = time.monotonic() + _START_SECONDS
        while not there():
            ended = [process for process in self._processes if process.poll() is not None]
            assert not ended, (self._folder / "log").read_text()
            assert time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.05)
