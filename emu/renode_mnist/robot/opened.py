"""The target that a suite has opened, as all keywords share it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from renode_mnist.codegen.graph import Graph
from renode_mnist.model import interface
from renode_mnist.model.interface import TensorSpec
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.wire.client import Direction


class OpenedTarget:
    """The open session, and what the log of a failed test tells of its lines.

    Keywords that need a target derive from it, most of them by way of ``CapabilityKeywords``.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._model: Path | None = None
        """The model file that the variables name, where the firmware runs that very one."""
        self._record: Record | None = None
        """The last answer."""
        self._failed = False
        self._traffic: list[tuple[Direction, bytes, float]] = []
        """Of the running test, as an observer of a client is told."""
        self._last_request: tuple[Direction, bytes, float] | None = None
        """It may be of a test before."""
        self._console_text = ""
        """What the console said that no keyword has read."""

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RuntimeError("no target is open; put `Suite Setup    Open Target` into the suite's settings")
        return self._session

    @property
    def _input_specs(self) -> tuple[TensorSpec, ...]:
        specs = tuple(map(TensorSpec.of_firmware, self._opened.firmware.inputs))
        return specs if self._model is None else _named(specs, interface.inputs(_graph(self._model)))

    @property
    def _output_specs(self) -> tuple[TensorSpec, ...]:
        specs = tuple(map(TensorSpec.of_firmware, self._opened.firmware.outputs))
        return specs if self._model is None else _named(specs, interface.outputs(_graph(self._model)))


def _graph(model: Path) -> Graph:
    from renode_mnist import codegen  # its operators take 0.2 s, which a suite on an ELF need not wait for

    return codegen.load(model)


def _named(specs: tuple[TensorSpec, ...], file: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """A firmware cuts long names; its model's file has them whole."""
    return tuple(replace(spec, name=whole.name) for spec, whole in zip(specs, file, strict=True))
