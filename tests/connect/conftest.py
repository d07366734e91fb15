"""The scenario's tables, and what each engine made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkscale.artifact import document
from sparkscale.pipeline.fitted import Fitted
from tests.connect import data
from tests.processes import ROOT, assert_done, python

ENGINES = ("classic", "connect", "sail")


@dataclass(frozen=True)
class Outcome:
    """What one engine made of the scenario."""

    engine: str
    folder: Path

    def fitted(self, name: str) -> Fitted:
        """Return a fitted pipeline, out of its artifact."""
        return document.load((self.folder / f"{name}.json").read_bytes())

    def table(self, name: str) -> dict[str, list[Any]]:
        """Return a result: by column its values, None for a null."""
        return pq.read_table(self.folder / f"{name}.parquet").to_pydict()  # type: ignore[no-any-return]

    @property
    def facts(self) -> dict[str, Any]:
        """What the script found out of its session."""
        return json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the scenario's tables as Parquet, in which NaN and null are two things."""
    folder = tmp_path_factory.mktemp("tables")
    for name in ("accuracy", "decimals", "embeddings", "exact", "features", "labelled", "rows", "shapes", "wide"):
        columns = getattr(data, name)()
        pq.write_table(pa.table({key: pa.array(values) for key, values in columns.items()}), folder / f"{name}.parquet")
    return folder


class Outcomes:
    """The scenario on each engine that a test asks for, in a process of its own."""

    def __init__(self, tables: Path, folders: pytest.TempPathFactory) -> None:
        self._tables, self._folders = tables, folders
        self._made: dict[str, Outcome] = {}

    def __getitem__(self, engine: str) -> Outcome:
        if engine not in self._made:
            folder = self._folders.mktemp(engine)
            assert_done(python("-m", "tests.connect.scenario", engine, str(self._tables), str(folder), cwd=ROOT))
            self._made[engine] = Outcome(engine, folder)
        return self._made[engine]


@pytest.fixture(scope="session")
def outcomes(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Give what each engine makes of the scenario."""
    return Outcomes(tables, tmp_path_factory)


@pytest.fixture(params=ENGINES)
def outcome(request: pytest.FixtureRequest, outcomes: Outcomes) -> Outcome:
    """Give what one engine made."""
    return outcomes[request.param]
