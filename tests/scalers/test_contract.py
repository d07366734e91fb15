"""Every scaler of sparkscale keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sparkscale.scalers.base import REGISTRY, Step
from tests.scalers.contract import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_keep_contract(kind: str, check: Callable[[type[Step], Path], None], tmp_path: Path) -> None:
    check(REGISTRY[kind], tmp_path)


def test_register_every_kind() -> None:
    columns = {"standard", "minmax", "maxabs", "robust", "mean_norm", "impute", "clip", "log1p", "asinh", "power", "quantile",
               "chain"}  # fmt: skip
    rows = {"unit_norm", "softmax", "log_softmax"}
    assert columns | rows == set(REGISTRY)
    assert {kind for kind, cls in REGISTRY.items() if cls.by_row} == rows
    assert [kind for kind, cls in REGISTRY.items() if cls.needs_quantiles is True] == ["quantile", "robust"]
