"""An export is one new file, found by its name; what is missing is said with what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale import export as package
from sparkscale.errors import UnfitEnvironmentError, UsageError
from sparkscale.export import base

TOY = """
from dataclasses import dataclass
from sparkscale.export.base import Export

@dataclass(frozen=True)
class Formulas(Export, name="formulas"):
    prefix: str = ""

    def export(self, fitted):
        return [self.prefix + item.label for item in fitted.applications]

class Far(Export, name="far", extra="faraway"):
    def export(self, fitted):
        import a_library_that_is_not_there
"""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a file with two exports into the folder of exports; take it out again."""
    (tmp_path / "toys.py").write_text(TOY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(base, "REGISTRY", dict(base.REGISTRY))
    yield
    sys.modules.pop("sparkscale.export.toys", None)
    vars(package).pop("toys", None)


@pytest.fixture
def fitted() -> Any:
    return ss.Pipeline([ss.MinMax("x", into="y")]).fit_arrays({"x": np.array([2.0, 4.0])})


def test_find_a_new_export_by_its_name(toys: None, fitted: Any) -> None:
    assert base.names() == sorted({*base.REGISTRY, "formulas", "far"})
    assert base.export(fitted, "formulas", prefix="> ") == ["> x -> y: (x - 2.0) / 2.0"]


def test_find_no_toy_without_its_file(fitted: Any) -> None:
    assert "formulas" not in base.names()
    with pytest.raises(UsageError, match=r"expected the name of an export, found 'formulas'; the exports are "):
        base.export(fitted, "formulas")


def test_refuse_a_name_with_the_nearest(toys: None, fitted: Any) -> None:
    with pytest.raises(UsageError, match=r"found 'formula'; did you mean 'formulas'\?"):
        base.export(fitted, "formula")


def test_name_the_extra_of_a_missing_library(toys: None, fitted: Any) -> None:
    with pytest.raises(UnfitEnvironmentError) as refused:
        base.export(fitted, "far")
    assert str(refused.value) == (
        "export 'far' needs the package a_library_that_is_not_there, which is not installed; "
        "pip install 'sparkscale[faraway]'"
    )


def test_refuse_two_exports_of_one_name(toys: None) -> None:
    base.names()
    with pytest.raises(TypeError, match="'formulas' is defined twice, by Formulas and "):

        class Again(base.Export, name="formulas"):
            pass


def test_refuse_an_export_that_exports_nothing(monkeypatch: pytest.MonkeyPatch, fitted: Any) -> None:
    monkeypatch.setattr(base, "REGISTRY", dict(base.REGISTRY))

    class Empty(base.Export, name="empty"):
        pass

    with pytest.raises(TypeError, match="abstract"):
        base.export(fitted, "empty")
