"""Results of a session that show themselves in a notebook: the library hands these out for the plain ones.

The plain classes know nothing of pictures; each here is one of them that also has ``_repr_html_``, which is how
Jupyter asks an object for its HTML.
"""

from __future__ import annotations

from typing import Self

from renode_mnist.measure.verify import Verification
from renode_mnist.session.record import Connection, Record


class ShownRecord(Record):
    """A record whose HTML shows the picture, the scores, the layers and the identity."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """The same record, to be looked at."""
        return cls(**vars(record))

    def _repr_html_(self) -> str:
        from renode_mnist.report import html, identity, record_table  # only a notebook pays for templates

        return html.piece(
            html.beside(
                html.picture(self.picture or "what the network saw", self.pixels),
                html.bars(f"class {self.winner}, score {self.score:.4f}", self.inference.scores, self.winner),
                html.table(record_table.layers(self)),
            ),
            html.facts(identity.rows(self.target, self.firmware)),
        )


class ShownConnection(Connection):
    """A connection whose HTML shows the identity."""

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """The same connection, to be looked at."""
        return cls(**vars(connection))

    def _repr_html_(self) -> str:
        from renode_mnist.report import html, identity

        return html.piece(html.facts(identity.rows(self.target, self.firmware)))


class ShownVerification(Verification):
    """A verification whose HTML shows the verdict, every tensor, and what quantisation cost."""

    @classmethod
    def of(cls, found: Verification) -> Self:
        """The same, to be looked at."""
        return cls(**vars(found))

    def _repr_html_(self) -> str:
        from renode_mnist.report import html, identity, verification

        sentences = [("verdict", verification.verdict(self)), ("yardstick", self.yardstick)]
        if self.first is not None:
            sentences.append(("first", verification.first_difference(self.first)))
        against = (html.table(verification.quantisation(self)),) if self.quantisation else ()
        return html.piece(
            html.facts(sentences),
            html.table(verification.tensors(self)),
            *against,
            html.facts(identity.rows(self.connection.target, self.connection.firmware)),
        )
