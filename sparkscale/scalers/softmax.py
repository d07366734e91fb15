"""Probabilities of the scores of a row, and their logarithms."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from sparkscale.maps import SoftmaxMap
from sparkscale.scalers.base import RowStep
from sparkscale.scalers.fields import Rule

_TEMPERATURE = Rule("a finite number > 0", lambda number: number > 0, {"exclusiveMinimum": 0})


class Softmax(RowStep, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)`` over the scores of a row: probabilities that sum to 1.

    Attributes:
        temperature: T > 0; scores are divided by it first.
        nulls: ``null``: a null score makes the row null; ``mask``: it is left out, the others sum to 1.
        undefined: the result of a row whose scores are all -inf: ``null``, ``zeros``, ``uniform`` or ``error``.

    >>> import numpy as np
    >>> row, no_null = np.array([[2.0, 1.0, 0.1]]), np.zeros((1, 3), dtype=bool)
    >>> Softmax(["a", "b", "c"]).solve_row().forward(row, no_null)[0].round(3)
    array([[0.659, 0.242, 0.099]])
    """

    formula = "exp(x_i / T) / sum_j exp(x_j / T)"
    log: ClassVar[bool] = False

    temperature: Annotated[float, _TEMPERATURE] = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"

    def solve_row(self) -> SoftmaxMap:
        """Return the softmax map."""
        return SoftmaxMap(self.nonfinite, self.temperature, self.nulls, self.undefined, self.log)


class LogSoftmax(Softmax, kind="log_softmax"):
    """``x_i / T - log(sum_j exp(x_j / T))``: the logarithm of :class:`Softmax`, without exponentiating twice."""

    formula = "x_i / T - log(sum_j exp(x_j / T))"
    log: ClassVar[bool] = True
