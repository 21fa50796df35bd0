"""The target that a suite has opened, as all keywords share it."""

from __future__ import annotations

from renode_mnist.session.session import Session


class OpenedTarget:
    """The open session, and what the log of a failed test tells of its lines.

    Keywords that need a target derive from it, most of them by way of ``CapabilityKeywords``.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._failed = False
        self._traffic: list[str] = []
        self._last_request = ""
        self._console_text = ""
        """What the console said that no keyword has read."""

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise RuntimeError("no target is open; put `Suite Setup    Open Target` into the suite's settings")
        return self._session
