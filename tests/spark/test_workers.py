"""Spark's Python workers: what they do beside the kernels."""

from __future__ import annotations

import importlib
import sys
import zipfile
from pathlib import Path
from zipimport import zipimporter

import pytest

from sparkscale.spark.workers import forget_packages_in_archives


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a zip archive on the path, with a package in a package."""
    place = tmp_path / "archive.zip"
    with zipfile.ZipFile(place, "w") as made:
        for name in ("outer_/__init__.py", "outer_/inner/__init__.py", "outer_/inner/one.py", "outer_/inner/two.py"):
            made.writestr(name, f"name = {name!r}")
    monkeypatch.syspath_prepend(str(place))
    return str(place)


def finders(archive: str) -> set[str]:
    known = sys.path_importer_cache.items()
    return {path.removeprefix(archive) for path, finder in known if isinstance(finder, zipimporter) and archive in path}


def test_forget_packages_in_archives_and_find_them_again(archive: str) -> None:
    importlib.import_module("outer_.inner.one")
    assert finders(archive) == {"", "/outer_", "/outer_/inner"}
    forget_packages_in_archives()
    assert finders(archive) == {""}
    assert importlib.import_module("outer_.inner.two").name == "outer_/inner/two.py"
    for name in [name for name in sys.modules if name.startswith("outer_")]:
        del sys.modules[name]
