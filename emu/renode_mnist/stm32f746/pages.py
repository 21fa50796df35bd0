"""What Unicorn may remember of a page of RAM, so that a store costs nothing there.

Unicorn 2.1.4 looks at each store anew, for some 30 ns, while the page's entry in its table of translated addresses
allows to execute (code may lie there that the store changes), or while a hook for invalid accesses covers it
(`notdirty_write` in its accel/tcg/cputlb.c). By the architecture's default map all of RAM may be executed. So the
table is filled by a hook, which lets a page of RAM be executed only once it is, and hooks for invalid accesses leave
out the pages that allow everything. Together that saves a quarter of a classification's time.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.registers import address_of, check

PAGE_BYTES = 1024

EPSR_T = 1 << 24
EPSR_IT = 0x0600_FC00

_BEGIN, _END = memory_map.DTCM.base, memory_map.SRAM2.end
_LAST_ADDRESS = 0xFFFF_FFFF
_FLUSH = unicorn.UC_CTL_TLB_FLUSH | unicorn.UC_CTL_IO_WRITE << 30


class _Native(ctypes.Structure):
    """``Pages`` of native/pages.h."""

    _fields_ = (
        ("engine", ctypes.c_void_p),
        ("control", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("flush", ctypes.c_int),
        ("fetch", ctypes.c_int),
        ("epsr", ctypes.c_int),
        ("begin", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("executed", ctypes.c_void_p),
    )


class Pages:
    """Fills the table of one engine.

    A page's first execution forgets all that was remembered: Unicorn has a table for each of the core's modes, and
    what one of them knows of the page as plain data would keep it from seeing that code there is changed.

    Args:
        engine: That translates.
        in_python: By a hook in Python, even where the one in C was built.
    """

    def __init__(self, engine: unicorn.Uc, *, in_python: bool) -> None:
        self._engine = engine
        self._executed = ctypes.create_string_buffer((_END - _BEGIN) // PAGE_BYTES)
        engine.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
        hook = None if in_python else _hook_in_c()
        if hook is None:
            engine.hook_add(unicorn.UC_HOOK_TLB_FILL, self._fill)
            return
        self._native = _Native(
            engine._uch,
            address_of(uclib.uc_ctl),
            address_of(uclib.uc_reg_read),
            address_of(uclib.uc_reg_write),
            _FLUSH,
            unicorn.UC_MEM_FETCH,
            arm.UC_ARM_REG_EPSR,
            _BEGIN,
            _END,
            ctypes.addressof(self._executed),
        )
        handle, everywhere = ctypes.c_size_t(), (ctypes.c_uint64(1), ctypes.c_uint64(0))
        data = ctypes.c_void_p(ctypes.addressof(self._native))
        kind = unicorn.UC_HOOK_TLB_FILL
        check(uclib.uc_hook_add(engine._uch, ctypes.byref(handle), kind, ctypes.c_void_p(hook), data, *everywhere))

    def _fill(self, _engine: unicorn.Uc, address: int, kind: int, entry: Any, _user_data: object) -> bool:
        if kind != unicorn.UC_MEM_FETCH and self._engine.reg_read(arm.UC_ARM_REG_EPSR) & EPSR_IT:
            # Unicorn has brought PC up to date for this hook, and with it ITSTATE, which would stay set (issue 2309).
            self._engine.reg_write(arm.UC_ARM_REG_EPSR, EPSR_T)
        entry.paddr = address
        entry.perms = unicorn.UC_PROT_ALL
        page = (address - _BEGIN) // PAGE_BYTES
        if not _BEGIN <= address < _END or self._executed[page] != b"\0":
            return True
        if kind == unicorn.UC_MEM_FETCH:
            self._executed[page] = b"\1"
            self._engine.ctl(unicorn.UC_CTL_TLB_FLUSH, unicorn.UC_CTL_IO_WRITE)
        else:
            entry.perms = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        return True


def _hook_in_c() -> int | None:
    try:
        extension = importlib.import_module("renode_mnist.stm32f746._blockhook")
    except ImportError:
        return None
    hook: int = extension.fill_hook()
    return hook


class InvalidAccesses:
    """Where accesses that a page does not allow are asked about.

    Args:
        add: Adds a hook for them from one address to another, both included.
    """

    def __init__(self, add: Callable[[int, int], object]) -> None:
        self._add = add
        self._covered: set[int] = set()
        add(0, _BEGIN - 1)
        add(_END, _LAST_ADDRESS)

    def cover(self, pieces: Iterable[tuple[int, int]]) -> None:
        """Asks about these too, from an address to that behind the last one, where they are RAM; whole pages.

        They stay covered: a hook costs time only at stores to its own pages, and a system that gives each of its
        tasks other rights would else add and take some at each switch.
        """
        pages = {page for begin, end in pieces for page in range(begin // PAGE_BYTES, end // PAGE_BYTES)}
        wanted = sorted(page for page in pages - self._covered if _BEGIN <= page * PAGE_BYTES < _END)
        for _, run in groupby(enumerate(wanted), key=lambda each: each[1] - each[0]):
            together = [page for _, page in run]
            self._add(together[0] * PAGE_BYTES, (together[-1] + 1) * PAGE_BYTES - 1)
        self._covered.update(wanted)
