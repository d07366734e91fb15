"""Decorators that say which engines and cases a test runs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.connect.kept.cases import Case


def on(*engines: str) -> Any:
    """Run a test on these engines."""
    return pytest.mark.parametrize("done", engines, indirect=True)


def for_each(cases: Mapping[str, Case], names: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Run a test with each row, on the engines of the case that the row's first value names."""
    pairs = [pytest.param(engine, *row, id=f"{engine}-{row[0]}") for row in rows for engine in cases[row[0]].engines]
    return pytest.mark.parametrize(f"done, {names}", pairs, indirect=["done"])
