"""Pipeline and the ways to Spark: what they take, and the error for all else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sparkscale as ss
from sparkscale.errors import ConfigError

FITTED = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": [0.0, 4.0]})


def test_take_steps_of_any_iterable() -> None:
    steps = [ss.MinMax("x"), ss.Standard("y")]
    assert ss.Pipeline(step for step in steps).steps == ss.Pipeline(tuple(steps)).steps == tuple(steps)
    assert ss.Pipeline([]).steps == ()


@pytest.mark.parametrize(("steps", "found"), [
    (ss.Standard("x"), "one Standard"), (["x"], "'x'"), ("x", "'x'"), ([ss.Standard("x"), None], "None"), (None, "None"),
    ([ss.Standard], "<class"), ({"x": ss.Standard("x")}, "'x'"),
])  # fmt: skip
def test_refuse_what_are_no_steps(steps: Any, found: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^steps: expected a list of Step objects, found .*; write Pipeline\(\["
    ) as caught:
        ss.Pipeline(steps)
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_VALUE", 78)
    assert f"found {found}" in caught.value.cause


@pytest.mark.parametrize(("data", "found"), [
    (pd.DataFrame({"x": [1.0]}), "a pandas DataFrame"), ({"x": [1.0]}, "a dict"),
    (np.zeros((2, 2)), "a numpy ndarray"), (SimpleNamespace(sparkSession=None), "a types SimpleNamespace"),
])  # fmt: skip
def test_refuse_what_is_no_spark_dataframe(data: Any, found: str) -> None:
    for use in (ss.Pipeline([ss.MinMax("x")]).fit, FITTED.transform, FITTED.inverse_transform):
        with pytest.raises(ConfigError, match=f"expected a PySpark DataFrame, found {found}; use ") as caught:
            use(data)
        assert (caught.value.code, caught.value.exit_code) == ("CONFIG_VALUE", 78)


def test_fit_and_score_a_pandas_table_as_a_dict_of_arrays() -> None:
    frame: Any = pd.DataFrame({"x": [0.0, 4.0], "name": ["a", None]})
    assert ss.Pipeline([ss.MinMax("x")]).fit_arrays(frame).maps == FITTED.maps
    assert FITTED.transform_arrays(frame)["x"].tolist() == [0.0, 1.0]
