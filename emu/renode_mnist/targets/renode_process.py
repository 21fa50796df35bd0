"""The process that runs ``renode_worker``: its folder, its logs, and the watch over it.

A worker that dies or falls silent ends in an error that carries the end of its log.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from renode_mnist.errors import TargetError
from renode_mnist.renode_install import locate
from renode_mnist.targets import renode_worker
from renode_mnist.targets.renode_folder import TemporaryFolder

_LOG_TAIL_LINES = 15

# What Renode's models do not know and start-up code rightly does: unlocking DWT (lock access register), cache
# maintenance (no caches are modelled), keeping the reset value of RCC_PLLCFGR bit 29, enabling the faults' handlers
# (SHCSR 16 to 18, which it takes, and says that it takes no others); and what the UARTs by DMA want
# beyond those models: channels, circular mode, half transfers, errors. The log file has them all.
_EXPECTED = re.compile(
    r"dwt: Unhandled write to offset 0xFB0 "
    r"|nvic: Unhandled write to offset 0xF(5[0-9A-F]|6[0-9A-F]|7[0-9A-F]) "
    r"|nvic: Changing value of the SHCSR register to 0x[0-7]0000, but only bits \[16:18\] are supported"
    r"|rcc: Unhandled write to offset 0x4\. Unhandled bits: \[29\]"
    r"|dma[12]: Unhandled write to offset 0x[0-9A-F]+\. Unhandled bits: "
    r"|us?art\d: Unhandled write to offset 0x8\. Unhandled bits: \[0\] "
)


class WorkerProcess:
    """Renode in a process of its own, which is asked by lines of JSON.

    Args:
        installation: The Renode that it loads.

    Attributes:
        renode_log: The file that the worker is to be told to log to.
    """

    def __init__(self, installation: locate.Installation) -> None:
        self._temporary = TemporaryFolder()
        self._folder = self._temporary.path
        self._scratch = self._folder / "scratch"
        self._scratch.mkdir()
        self.renode_log = self._folder / "renode.log"
        self._output_log = self._folder / "output.log"
        # Renode keeps its configuration and history in the user's folder and its files in the temporary one.
        own = {name: str(self._scratch) for name in ("XDG_CONFIG_HOME", "APPDATA", "TMPDIR", "TEMP", "TMP")}
        with self._output_log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", renode_worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=self._folder,  # where Mono leaves its crash dumps
                env=os.environ | installation.variables | own | {"RENODE_CI_MODE": "YES"},
                text=True,
                pass_fds=[self._temporary.lock],
                start_new_session=True,  # Ctrl-C is for this process, which then stops the worker
            )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_answers, daemon=True)
        self._reader.start()

    def ask(
        self,
        request: dict[str, Any],
        silence_seconds: float | None,
        on_waiting: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """The answer to a request.

        Args:
            request: See ``renode_worker``.
            silence_seconds: How long no answer is no hang.
            on_waiting: Called where the worker first says that it waits for a debugger.

        Raises:
            TargetError: The process has died, or has not answered for ``silence_seconds``.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=silence_seconds)
            if line == renode_worker.WAITING:
                if on_waiting is not None:
                    on_waiting()
                line = self._answers.get(timeout=silence_seconds)
        except OSError:
            line = ""
        except queue.Empty:
            self._process.kill()
            raise self._lost(f"Renode has not answered for {silence_seconds:g} s and was stopped") from None
        if not line:
            raise self._lost(f"Renode has ended by itself with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def warnings(self) -> str:
        """What Renode has logged so far, but for what is expected."""
        if not self.renode_log.exists():
            return ""
        lines = self.renode_log.read_text(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if not _EXPECTED.search(line))

    def pointer(self) -> str:
        """Where Renode's log is and how it ends, for the end of a message."""
        if self.renode_log.exists():
            return f"Renode's log is {self.renode_log}{_end_of(self.warnings())}"
        return f"What it said is in {self._output_log}{_end_of(self._output_log.read_text(errors='replace'))}"

    def stop(self, *, keep_logs: bool) -> None:
        """Ends the process and removes its files."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write('{"do": "close"}\n')
            self._process.stdin.close()
            self._process.wait(timeout=5.0)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        if keep_logs:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._temporary.keep()
        else:
            self._temporary.remove()

    def _lost(self, what: str) -> TargetError:
        said = self._output_log.read_text(errors="replace") + self.warnings()
        return TargetError(what, f"Try again; its logs are in {self._folder}{_end_of(said)}")

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")


def _end_of(log: str) -> str:
    lines = log.strip().splitlines()[-_LOG_TAIL_LINES:]
    return "".join(["; it ends in", *(f"\n  | {line}" for line in lines)]) if lines else "."
