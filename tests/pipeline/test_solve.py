"""Statistics that give no maps: every reason at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import DataError


def test_refuse_to_fit_on_nothing() -> None:
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.MinMax("x", empty="null")]).fit_arrays({"x": np.array([])})
    assert caught.value.code == "DATA_NO_ROWS"


def test_name_every_column_that_cannot_be_fitted() -> None:
    table: dict[str, Any] = {"ok": [1.0, 2.0], "nan": [1.0, math.nan], "inf": [1.0, math.inf], "low": [-math.inf, 1.0],
                             "none": np.array([None, None]), "both": [math.nan, math.inf]}  # fmt: skip
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.MinMax([*table], nonfinite="error")]).fit_arrays(table)
    assert [str(problem).partition(";")[0] for problem in caught.value.problems] == [
        f"column {name!r}: expected finite numbers (nonfinite: error), found {found} in 2 rows"
        for name, found in (("nan", "1 NaN, 0 +inf, 0 -inf"), ("inf", "0 NaN, 1 +inf, 0 -inf"),
                            ("low", "0 NaN, 0 +inf, 1 -inf"))
    ] + [
        "column 'none': expected a finite value, found none in 2 rows (2 null, 0 NaN)",
        "column 'both': expected finite numbers (nonfinite: error), found 1 NaN, 1 +inf, 0 -inf in 2 rows",
        "column 'both': expected a finite value, found none in 2 rows (0 null, 1 NaN)",
    ]  # fmt: skip
    assert {problem.code for problem in caught.value.problems} == {"DATA_NONFINITE", "DATA_EMPTY"}
