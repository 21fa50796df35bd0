"""A campaign of faults, and one fault told again, that show themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from renode_mnist.measure.faults.campaign import Campaign, Retold
from renode_mnist.measure.faults.fault import Place
from renode_mnist.option import StrPath
from renode_mnist.report import faults


class ShownCampaign(Campaign):
    """Its HTML shows what faults of each place, and of each layer's weights, came to."""

    @classmethod
    def of(cls, found: Campaign) -> Self:
        """The same, to be looked at."""
        return cls(**vars(found))

    def __repr__(self) -> str:
        """The result and who has it, in one line."""
        firmware = self.connection.firmware
        return f"<Campaign: {faults.score(self)[:-1]}; {firmware.model_name} by {firmware.engine}, seed {self.seed}>"

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``renode-mnist faults --json`` prints them."""
        return faults.to_json(self)

    def save(self, file: StrPath) -> None:
        """Writes the page with all tables and plots, as ``--html`` does."""
        from renode_mnist.report import faults_page

        Path(file).write_text(faults_page.render(self), encoding="utf-8")

    def _repr_html_(self) -> str:
        from renode_mnist.report import html, identity

        layers = (html.table(faults.by_layer(self)),) if self.at(Place.WEIGHTS) else ()
        return html.piece(
            html.facts([("result", faults.score(self)), *faults.sentences(self)]),
            html.table(faults.by_place(self)),
            *layers,
            html.facts(identity.rows(self.connection.target, self.connection.firmware)),
        )


class ShownRetold(Retold):
    """One fault in lines of text: what it was, what it came to, outputs, line and log."""

    @classmethod
    def of(cls, one: Retold) -> Self:
        """The same, to be looked at."""
        return cls(**vars(one))

    def __repr__(self) -> str:
        """As ``renode-mnist faults --only N -v`` tells it."""
        return faults.retold(self, verbose=True)
