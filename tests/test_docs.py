"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest


@pytest.mark.parametrize("name", ["maps.affine", "pipeline", "progress", "scalers", "stats"])
def test_run_docstring_examples(name: str) -> None:
    with np.printoptions(legacy=False):
        failed, attempted = doctest.testmod(importlib.import_module(f"sparkscale.{name}"))
    assert attempted > 0
    assert failed == 0
