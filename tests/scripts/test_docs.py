"""The examples in docstrings run, in every module of the package.

Modules of Spark are imported for theirs, and no engine is started: such an example shows a function of names, types or
plans. What needs a session has its examples in the README and in `docs/`.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sparkscale

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
]


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


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if ">>> " in (ROOT / name).read_text("utf-8")])
def test_run_the_examples_of_a_page_in_an_empty_python(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("```\n", "\n")  # a fence is no output
    with np.printoptions(legacy=False):
        example = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
        runner = doctest.DocTestRunner(verbose=False)
        assert runner.run(example).failed == 0
    assert example.examples


def test_find_examples_in_every_package() -> None:
    found = set(modules())
    assert {"sparkscale.maps.affine", "sparkscale.stats.column", "sparkscale.spark.fit.queries"} <= found


def test_start_no_engine_for_examples() -> None:
    sql = pytest.importorskip("pyspark.sql")
    before = sql.SparkSession.getActiveSession()  # of other tests
    for name in modules():
        doctest.testmod(importlib.import_module(name))
    assert sql.SparkSession.getActiveSession() is before


#: A path in backticks: with a slash, and no pattern, placeholder or URI.
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w.-]+\.(?:py|yaml|md|json))?)(?:: [\w.]+)?`")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_name_only_files_that_are_there(name: str) -> None:
    named = PATH.findall((ROOT / name).read_text(encoding="utf-8"))
    homes = (ROOT, ROOT / "sparkscale", ROOT / "sparkscale" / "spark", (ROOT / name).parent)
    assert [path for path in named if not any((home / path).exists() for home in homes)] == []


def test_find_the_paths_of_a_document() -> None:
    text = "`sparkscale/maps/` `spark/fit/scan.py: look` `docs/no.md` `a/b` `--set` `s3://x/` `in/*.csv` `x / y`"
    assert PATH.findall(text) == ["sparkscale/maps/", "spark/fit/scan.py", "docs/no.md"]
