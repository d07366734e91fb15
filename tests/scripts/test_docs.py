"""The examples in docstrings run, in every module of the package.

Modules of Spark are imported for theirs, and no engine is started: such an example shows a function of names, types or
plans. What needs a session has its examples in the README and in `docs/`.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sparkscale


def modules() -> Iterator[str]:
    """Yield the modules whose text has an example; they are not imported yet."""
    for found in pkgutil.walk_packages(sparkscale.__path__, "sparkscale."):
        spec = importlib.util.find_spec(found.name)
        if spec and spec.origin and ">>>" in Path(spec.origin).read_text(encoding="utf-8"):
            yield found.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_run_docstring_examples(name: str) -> None:
    if name.startswith(("sparkscale.spark.", "sparkscale.run.")):
        pytest.importorskip("pyspark")
    with np.printoptions(legacy=False):
        failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted
    assert failed == 0


def test_find_examples_in_every_package() -> None:
    found = set(modules())
    assert {"sparkscale.maps.affine", "sparkscale.stats.column", "sparkscale.spark.fit.queries"} <= found


def test_start_no_engine_for_examples() -> None:
    sql = pytest.importorskip("pyspark.sql")
    for name in modules():
        doctest.testmod(importlib.import_module(name))
    assert sql.SparkSession.getActiveSession() is None
