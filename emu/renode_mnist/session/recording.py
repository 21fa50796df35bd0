"""Sessions kept as JSON lines, and played again elsewhere.

The first line is the identity; each further line is one frame: its direction, the target's time in seconds, and
its bytes as hexadecimal, delimiter included. A reset is a line of its own, with ``reset`` for its direction.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError, TargetTimeout, WireError
from renode_mnist.session.comparison import answer_differences
from renode_mnist.session.record import firmware_json
from renode_mnist.session.session import Session
from renode_mnist.wire import frame
from renode_mnist.wire.client import Client, Direction
from renode_mnist.wire.messages import Body, decode_reply

FORMAT = "renode-mnist session 1"


class RecordingError(RenodeMnistError):
    """A recording that cannot be written or read."""


class Recorder:
    """Writes a session to a file as it goes; use ``observe`` as the session's observer.

    Args:
        file: Overwritten.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        # The session asks the firmware who it is before it can say so: those frames wait for the first line.
        self._waiting: list[dict[str, Any]] | None = []

    def __enter__(self) -> Self:
        """Opens the file.

        Raises:
            RecordingError: It cannot be written.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._file.open("w", encoding="ascii")
        except OSError as error:
            raise RecordingError(f"cannot write {self._file}: {error.strerror}", "Name another file.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._stream.close()

    def identify(self, session: Session) -> None:
        """Writes the first line; to be called once the session is open."""
        identity = session.identity()
        target = {**vars(identity), "counter_unit": str(identity.counter_unit)}
        self._write({"format": FORMAT, "target": target, "firmware": firmware_json(session.firmware)})
        waiting, self._waiting = self._waiting, None
        for line in waiting or ():
            self._write(line)

    def observe(self, direction: Direction, data: bytes, seconds: float) -> None:
        """An observer for ``Client``."""
        line = {"direction": direction, "seconds": round(seconds, 9), "bytes": data.hex()}
        if self._waiting is not None:
            self._waiting.append(line)
        else:
            self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()  # a session that ends by a crash is the one that is wanted most


@dataclass(frozen=True)
class Exchange:
    """What was sent (nothing but a reset where ``reset`` is set), and what came before the next was sent."""

    line: int
    sent: bytes
    received: tuple[bytes, ...]
    reset: bool = False


@dataclass(frozen=True)
class Recording:
    """A session as it was kept.

    Attributes:
        identity: The first line.
        exchanges: In order.
        cut_off: The line in which the file ends too early, or None.
    """

    identity: dict[str, Any]
    exchanges: tuple[Exchange, ...]
    cut_off: int | None


def load(file: Path) -> Recording:
    """Reads a recording; one that ends in mid-line is read up to there.

    Raises:
        RecordingError: It cannot be read, is no recording, or has a broken line before its last.
    """
    try:
        lines = outside.content(file).decode("ascii").splitlines()
    except OSError as error:
        raise RecordingError(f"cannot read {file}: {error.strerror}", "Name a file made by --record.") from error
    except UnicodeDecodeError:
        raise RecordingError(f"{file} is no recording, but bytes", "Name a file made by --record.") from None
    parsed: list[dict[str, Any]] = []
    cut_off = None
    for number, text in enumerate(lines, 1):
        try:
            with outside.reading(partial(_damaged, file, number)):
                parsed.append(_checked(json.loads(text), first=number == 1))
        except RecordingError:
            if number < len(lines) or number == 1:
                raise
            cut_off = number
    if not parsed:
        raise RecordingError(f"{file} is empty", "Name a file made by --record.")
    return Recording(parsed[0], tuple(_exchanges(parsed[1:])), cut_off)


def _damaged(file: Path, line: int, why: str) -> RecordingError:
    return RecordingError(f"{file}, line {line}: {why}", "Name a file made by --record; it may have been edited.")


def _checked(line: Any, *, first: bool) -> dict[str, Any]:
    if not isinstance(line, dict):
        raise TypeError("not an object")
    if first:
        if line.get("format") != FORMAT:
            raise ValueError(f"not a '{FORMAT}'")
        identity = line["target"]
        if not isinstance(identity, dict) or not all(isinstance(identity[key], str) for key in ("target", "version")):
            raise TypeError("its target is not told")
        return line
    if line["direction"] not in ("sent", "received", "reset"):
        raise ValueError(f"direction '{line['direction']}'")
    return {**line, "bytes": bytes.fromhex(line["bytes"])}


def _exchanges(lines: list[dict[str, Any]]) -> Iterator[Exchange]:
    begun: Exchange | None = None
    for number, line in enumerate(lines, 2):
        if line["direction"] != "received":
            if begun is not None:
                yield begun
            begun = Exchange(number, line["bytes"], (), reset=line["direction"] == "reset")
        elif begun is not None:
            begun = replace(begun, received=(*begun.received, line["bytes"]))
    if begun is not None:
        yield begun


@dataclass(frozen=True)
class Difference:
    """One answer that came out otherwise; ``line`` is that of the request in the recording."""

    line: int
    what: str


@dataclass(frozen=True)
class Damaged:
    """A request whose recorded reply was damaged on the line: what the firmware had sent is not known.

    Attributes:
        line: Of the request in the recording.
        what: What came then and what came now, in words.
    """

    line: int
    what: str


_QUIET_SECONDS = 0.5
"""Of the target's time: behind the replies that are known of a damaged exchange, whether there is another. A reply of
5 kB, longer than any, takes 0.43 s at 115,200 baud."""


def replay(recording: Recording, session: Session) -> Iterator[Difference | Damaged]:
    """Sends the recorded bytes again and tells which answers differ, counters aside.

    A reply that was damaged on the line is compared with nothing: a reply must come where it came, and the good ones
    beside it must come again, in their order. Damage may also have made one frame of two, or two of one.
    """
    client = session.client
    for exchange in recording.exchanges:
        if exchange.reset:
            session.reset()
            continue
        client.send_raw(exchange.sent)
        if any(isinstance(_read(data), frame.BadFrame) for data in exchange.received):
            yield from _replay_damaged(exchange, client)
            continue
        for data in exchange.received:
            for what in _differences(_body(data), _next_answer(client)):
                yield Difference(exchange.line, what)


def _replay_damaged(exchange: Exchange, client: Client) -> Iterator[Difference | Damaged]:
    read = [(_read(data), data) for data in exchange.received]
    bad = [(found, data) for found, data in read if isinstance(found, frame.BadFrame)]
    good = deque(_body(data) for found, data in read if not isinstance(found, frame.BadFrame))
    others: list[str] = []
    silence: _Silence | None = None
    for number in range(2 * len(exchange.received) + 1):  # a zero that was lost has made one frame of two
        answer = _next_answer(client, None if number == 0 or good else _QUIET_SECONDS)
        if isinstance(answer, _Silence):
            silence = answer if number == 0 else None
            break
        if good and not any(_differences(good[0], answer)):
            good.popleft()
        else:
            others.append(_say(answer))
    then = ", ".join(f"{found.reason}, {len(data)} B" for found, data in bad)
    if silence is not None:
        yield Difference(exchange.line, f"a damaged reply ({then}) against {silence.said}")
        return
    for missing in good:
        yield Difference(exchange.line, f"{_say(missing)} beside a damaged reply ({then}) against {_listed(others)}")
    if not good:
        yield Damaged(exchange.line, f"the recorded reply was damaged ({then}); now came {_listed(others)}")


def _listed(answers: Sequence[str]) -> str:
    return ", ".join(answers) or "nothing in its place"


@dataclass(frozen=True)
class _Silence:
    said: str


_Answer = Body | str | _Silence


def _next_answer(client: Client, timeout_seconds: float | None = None) -> _Answer:
    """A message; the text of what is none; or that none came."""
    try:
        return client.next_reply(timeout_seconds).body
    except TargetTimeout as error:
        return _Silence(str(error))
    except WireError as error:
        return str(error)


def _differences(expected: Body | str, answer: _Answer) -> Iterator[str]:
    if isinstance(expected, str) or isinstance(answer, str | _Silence):
        if expected != answer:
            yield f"{_say(expected)} against {_say(answer)}"
    else:
        yield from answer_differences(expected, answer)


def _read(data: bytes) -> bytes | frame.BadFrame:
    return frame.decode(data.rstrip(b"\0"))


def _body(data: bytes) -> Body | str:
    payload = _read(data)
    if isinstance(payload, frame.BadFrame):
        return f"a reply that is {payload.reason}"
    try:
        return decode_reply(payload).body
    except WireError as error:
        return str(error)


def _say(answer: _Answer) -> str:
    if isinstance(answer, _Silence):
        return answer.said
    return answer if isinstance(answer, str) else type(answer).__name__
