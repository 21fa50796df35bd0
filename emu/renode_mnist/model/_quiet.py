"""Keeps TensorFlow from talking over the command line and the notebook."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere: TensorFlow's start-up banners heed neither logging nor sys.stderr.

    Its Python warnings are for who wrote the calls; in a notebook sys.stderr is no file descriptor 2.

    What goes wrong inside still comes out, as an exception.
    """
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
