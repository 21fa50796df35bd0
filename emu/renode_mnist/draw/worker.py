"""The process that owns the target: builds the firmware, opens the session, classifies what it is sent.

Whatever a target does (hangs, crashes, or takes the process with it), the page stays; and an emulator that keeps
to one thread or to one emulation a process has its own. Standard input carries a pickled ``Job``, then one picture a
line: ``classify`` or ``look`` and 1,568 hexadecimal digits. Standard output carries one JSON object a line:
``{"state": "building"}``, ``{"state": "starting"}``, ``{"session": ...}`` once it can classify, then ``{"record":
...}`` or ``{"look": ...}`` for each picture; ``{"error": ...}`` is the last.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import traceback
from contextlib import ExitStack, suppress
from types import FrameType
from typing import TextIO

import click
import numpy as np

from renode_mnist import images
from renode_mnist.draw import look, view
from renode_mnist.draw.choice import Job
from renode_mnist.draw.look import Looker
from renode_mnist.draw.question import Question
from renode_mnist.errors import RenodeMnistError, TargetError
from renode_mnist.session.opening import open_session
from renode_mnist.session.session import PICTURE_SHAPE, Session

_LOG_LINES = 15


def main() -> None:
    """Runs until standard input ends, an error, or SIGTERM."""
    # What anything else prints belongs on the terminal, not between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGTERM, _unwind)
    try:
        _work(pickle.load(sys.stdin.buffer), answers)
    except RenodeMnistError as error:
        click.echo(f"{click.style('error:', fg='red')} {error}", err=True)  # the page is not all that is looked at
        _say(answers, error=str(error))
    except Exception as error:  # the page has to be told of a defect, too
        traceback.print_exc()
        _say(answers, error=f"{type(error).__name__}: {error}. This is a defect; the terminal has the details.")


def _work(job: Job, answers: TextIO) -> None:
    elf = job.elf
    if elf is None:
        _say(answers, state="building")
        elf = images.build(job.config).elf
    _say(answers, state="starting")
    with ExitStack() as stack:
        session = stack.enter_context(open_session(job.target, elf, job.options, waiting=_tell_debugger))
        _say(answers, session=view.of_session(session))
        looker: Looker | str | None = None
        for line in sys.stdin.buffer:
            question, _, digits = line.decode("ascii").partition(" ")
            pixels = bytes.fromhex(digits)
            if question == Question.LOOK:
                try:
                    looker = looker or Looker.opened(stack, job, elf, session)
                    seen = look.nothing(looker) if isinstance(looker, str) else looker.look(pixels)
                except RenodeMnistError as error:  # whoever draws goes on being answered
                    seen = look.nothing(str(error))
                _say(answers, look=seen)
                continue
            try:
                record = session.classify(np.frombuffer(pixels, np.uint8).reshape(PICTURE_SHAPE), "a drawing")
            except RenodeMnistError as error:
                # Messages refer to the target's log, which whoever reads them on the page cannot get at.
                raise TargetError(f"{error}{_end_of_log(session)}") from error
            _say(answers, record=view.of_record(record))


def _tell_debugger(command: str) -> None:
    click.echo(f"waiting for the debugger: {command}", err=True)


def _end_of_log(session: Session) -> str:
    with suppress(RenodeMnistError, OSError):
        if lines := session.target.log().strip().splitlines()[-_LOG_LINES:]:
            return "\n".join(["\nThe target's log ends in:", *lines])
    return ""


def _say(answers: TextIO, **answer: object) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _unwind(number: int, frame: FrameType | None) -> None:
    """Leaves by way of every ``with`` statement, so that a target ends what it has started."""
    sys.exit(0)


if __name__ == "__main__":
    main()
