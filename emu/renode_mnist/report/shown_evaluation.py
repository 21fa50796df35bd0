"""An evaluation that shows itself in a notebook."""

from __future__ import annotations

from typing import Self

from renode_mnist.measure.evaluation.evaluation import Evaluation


class ShownEvaluation(Evaluation):
    """Its HTML shows the score, the classes, the reference and who answered."""

    @classmethod
    def of(cls, found: Evaluation) -> Self:
        """The same, to be looked at."""
        return cls(**vars(found))

    def _repr_html_(self) -> str:
        from renode_mnist.report import evaluation, html, identity

        classes = (html.table(evaluation.table(self.classes)),) if self.classes is not None else ()
        said = [(each.label, each.said) for each in evaluation.sentences(self)]
        return html.piece(
            html.facts([("result", evaluation.score(self)), *said]),
            *classes,
            html.facts(identity.rows(self.connection.target, self.connection.firmware)),
        )
