"""What is said where another firmware answers than the options name: a board keeps what was loaded last."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renode_mnist.images import Image
    from renode_mnist.wire.messages import Stats

_LOG = logging.getLogger(__name__)


def tell_another_image(target: str, firmware: Stats, image: Image) -> None:
    """Says so on the error stream where a board runs another image than the one that was built for the options."""
    from renode_mnist.program.build_id import build_id

    if target != "board" or firmware.build_id == build_id(image.elf):
        return
    _LOG.warning(
        "note: the board runs another image than the options name: %s by engine %s, commit %s; --flash loads theirs",
        firmware.model_name,
        firmware.engine,
        firmware.commit,
    )
