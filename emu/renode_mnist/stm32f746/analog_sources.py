"""What a user wires to an analog input: ``PA0=1.65``, ``PA0=file.csv``, ``PA0=file.npy``, ``PA0=module:function``."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from renode_mnist import outside
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.analog import Constant, Curve, Function, Samples, Source
from renode_mnist.stm32f746.named_class import named_function
from renode_mnist.stm32f746.peripherals.adc import PINS

_PIN = re.compile(r"P[A-K](\d|1[0-5])")
_CHANNELS = "Those that have are PA0 to PA7, PB0, PB1, PC0 to PC5 and PF3 to PF10."
_FORM = "Write it as PA0=1.65, PA0=file.csv, PA0=file.npy or PA0=module:function."


def analog_sources(texts: Iterable[str]) -> dict[str, Source]:
    """The sources that a user names, by pin.

    Raises:
        TargetError: One of them is none, or a pin has two.
    """
    found: dict[str, Source] = {}
    for text in texts:
        pin, equals, value = text.partition("=")
        pin = pin.strip().upper()
        if not equals or not value.strip() or not _PIN.fullmatch(pin):
            raise TargetError(f"'{text}' wires nothing to a pin", _FORM)
        if pin not in PINS:
            raise TargetError(f"no ADC of the chip has a channel at {pin}", _CHANNELS)
        if pin in found:
            raise TargetError(f"{pin} is wired twice", "Leave one of them out.")
        found[pin] = _source(value.strip())
    return found


def _source(value: str) -> Source:
    try:
        volts = float(value)
    except ValueError:
        pass
    else:
        if not math.isfinite(volts):
            raise TargetError(f"{value} V is no voltage", _FORM)
        return Constant(volts)
    path = Path(value)
    if path.suffix.lower() in (".csv", ".npy") or path.is_file():
        return _from_file(path)
    if ":" not in value:
        raise TargetError(f"'{value}' is no voltage, no .csv or .npy file and no function", _FORM)
    return Function(named_function(value))  # type: ignore[arg-type]


def _from_file(path: Path) -> Source:
    try:
        data = outside.content(path)
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}", "Name a file that is there.") from None
    with outside.reading(lambda why: TargetError(f"{path} holds no voltages: {why}", _COLUMNS)):
        values = np.load(io.BytesIO(data), allow_pickle=False) if path.suffix.lower() == ".npy" else _rows(data)
        if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
            raise TargetError(f"{path} holds {values.dtype} and no numbers", _COLUMNS)
        table = np.asarray(values, np.float64)
    if table.ndim == 2 and table.shape[1] == 1:
        table = table[:, 0]
    if table.size == 0 or table.ndim not in (1, 2) or (table.ndim == 2 and table.shape[1] != 2):
        raise TargetError(f"{path} has the shape {table.shape}", _COLUMNS)
    if not np.isfinite(table).all():
        raise TargetError(f"{path} holds what is no finite number", _COLUMNS)
    if table.ndim == 1:
        return Samples(table.tolist())
    if (np.diff(table[:, 0]) <= 0).any():
        raise TargetError(f"the moments in {path} do not increase", _COLUMNS)
    return Curve(table[:, 0].tolist(), table[:, 1].tolist())


_COLUMNS = "One column has a voltage for each conversion, two have seconds and volts."


def _rows(data: bytes) -> npt.NDArray[np.float64]:
    """Numbers of a .csv, whose first line may be a heading."""
    lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    if lines and not _is_number(lines[0].split(",")[0]):
        del lines[0]
    return np.array([[float(cell) for cell in line.split(",")] for line in lines], np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
