"""The NumPy engine passes every conformance case."""

from __future__ import annotations

import numpy as np
import pytest

from sparkscale.scalers.base import REGISTRY
from tests.conformance import Case, cases, kinds, plain


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_pass_every_case(case: Case) -> None:
    found = case.pipeline.fit_arrays(case.fit).transform_arrays(case.transform)
    case.check({name: plain(column) for name, column in found.items()})


def test_have_cases_of_every_kind() -> None:
    assert kinds() == set(REGISTRY)


def test_see_a_wrong_number() -> None:
    (case,) = (case for case in cases() if case.name.startswith("mean_norm"))
    for wrong in (np.nextafter(-0.4, 0) + 1e-15, None, float("nan")):
        with pytest.raises(AssertionError, match="mean_norm"):
            case.check({"x": [wrong, *case.output["x"][1:]]})
    with pytest.raises(AssertionError, match="mean_norm"):
        case.check({"y": case.output["x"]})
