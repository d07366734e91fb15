"""Probabilities of the scores of a row, and their logarithms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from typing_extensions import TypedDict

from sparkscale.errors import ConfigError
from sparkscale.maps import SoftmaxMap
from sparkscale.maps.winners import Fact
from sparkscale.scalers.base import RowStep
from sparkscale.scalers.fields import Rule
from sparkscale.scalers.learning import LossAsk, RowLearning
from sparkscale.scalers.number_or_label import Fit, NumberOrLabel
from sparkscale.scalers.temperature import LOOKS, MOST_LOOKS, calibrate

_NAME = Rule("the name of a column", bool, {"minLength": 1})
_SOME = Rule("a column's name for label, confidence, margin or entropy", bool, {"minProperties": 1})


class Outputs(TypedDict, total=False):
    """The names of the columns that say something of a row as a whole."""

    label: Annotated[str, _NAME]
    confidence: Annotated[str, _NAME]
    margin: Annotated[str, _NAME]
    entropy: Annotated[str, _NAME]


class Softmax(RowStep, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)`` over the scores of a row: probabilities that sum to 1.

    Attributes:
        temperature: T > 0; scores are divided by it first. ``{fit: label}`` finds the T that is the most likely to give
            the labels of that column (temperature scaling): the names of score columns, or places from 0, which in an
            array they must be. Rows with a null label, or with null, NaN or infinite scores are left out. A
            transform does not need the column.
        nulls: ``null``: a null score makes the row null; ``mask``: it is left out, the others sum to 1.
        undefined: what stands in a row whose scores are all -inf: ``null``, ``zeros``, ``uniform`` or ``error``.
        outputs: new columns, one value a row: the ``label`` of the largest score (its column's name; in an array its
            place, from 0; the first of ties), its probability (``confidence``), that less the second (``margin``), and
            the ``entropy`` in nats. They are null in a row without a softmax, also where ``undefined`` is ``zeros``.
            A NaN row has a null label, and NaN. With ``outputs``, the probabilities are written only where ``into``
            names them: without ``into`` the scores stay as they are.
        mask: of an array column: an array<boolean> column of the same length. A score takes part only where it is
            true; false or null leaves it out, as in SQL's WHERE: null at its place.

    >>> import numpy as np
    >>> row, no_null = np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3), dtype=bool)
    >>> Softmax(["a", "b", "c"]).solve_row().forward(row, no_null)[0].round(3)
    array([[0.659, 0.242, 0.099]])

    >>> from sparkscale import Pipeline
    >>> data = {"cat": [2.0, 0.0], "dog": [1.0, 5.0]}
    >>> step = Softmax(["cat", "dog"], outputs={"label": "pet", "confidence": "p"})
    >>> out = Pipeline([step]).fit_arrays(data).transform_arrays(data)
    >>> list(out), out["pet"].tolist(), out["p"].round(3).tolist()
    (['cat', 'dog', 'pet', 'p'], ['cat', 'dog'], [0.731, 0.993])
    """

    formula = "exp(x_i / T) / sum_j exp(x_j / T)"
    log: ClassVar[bool] = False

    temperature: Annotated[float | Fit, NumberOrLabel()] = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"
    outputs: Annotated[Outputs, _SOME] | None = None
    mask: Annotated[str, _NAME] | None = None

    @property
    def beside(self) -> tuple[str, ...]:
        """The mask, if there is one."""
        return () if self.mask is None else (self.mask,)

    @property
    def facts(self) -> Mapping[Fact, str]:
        """What ``outputs`` names."""
        return self.outputs or {}  # type: ignore[return-value]  # mypy takes its keys for any text

    @property
    def label(self) -> str | None:
        """The column of ``temperature: {fit: label}``."""
        return self.temperature["fit"] if isinstance(self.temperature, Mapping) else None

    @property
    def looks(self) -> tuple[int, int]:
        """How often the fit of a temperature looks at the data."""
        return (0, 0) if self.label is None else (LOOKS, MOST_LOOKS)

    def solve_row(self) -> SoftmaxMap:
        """Return the softmax map of a temperature that is a number."""
        if isinstance(self.temperature, Mapping):
            cause = f"{self.kind}: expected a temperature, found one that is to be fitted to {self.label!r}"
            raise ConfigError("CONFIG_VALUE", cause, "fit the pipeline")
        return self._at(self.temperature)

    def learn_row(self) -> RowLearning:
        """Return the softmax map, after the fit of its temperature."""
        if self.label is None:
            return self.solve_row(), None
        found = yield from calibrate(LossAsk(self.label, partial=self.nulls == "mask"))
        return self._at(found.temperature), found

    def _at(self, temperature: float) -> SoftmaxMap:
        return SoftmaxMap(self.nonfinite, temperature, self.nulls, self.undefined, self.log)


class LogSoftmax(Softmax, kind="log_softmax"):
    """``x_i / T - log(sum_j exp(x_j / T))``: the logarithm of :class:`Softmax`, without exponentiating twice."""

    formula = "x_i / T - log(sum_j exp(x_j / T))"
    log: ClassVar[bool] = True
