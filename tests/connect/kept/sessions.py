"""A process with a session of one engine, and what became of a case in it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.connect.kept.cases import Case, write
from tests.processes import ROOT, environment
from tests.tables import independent


@dataclass(frozen=True)
class Done:
    """What became of a case's jobs."""

    folder: Path

    def __call__(self, name: str = "job") -> dict[str, Any]:
        """Return the exit code, the code, the problems and the warnings of a job."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    def read(self, format_: str = "parquet") -> pa.Table:
        """Return the output of a job that succeeded, read without Spark and sorted by ``x``."""
        assert self()["exit"] == 0, self()
        return self.table(format_)

    def table(self, format_: str = "parquet") -> pa.Table:
        """Return the output, whatever became of the jobs."""
        if format_ == "parquet":
            return pq.read_table(self.folder / "out", partitioning=None).sort_by("x")
        return independent(str(self.folder / "out"), format_).sort_by("x")


class Session:
    """A process with a session of an engine. It runs a case when a test first asks for it."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.folder = folder
        self.errors = folder / "stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.connect.jobs", engine], cwd=ROOT, env=environment(), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def done(self, place: str, one: Case) -> Path:
        """Return the folder of a case, below that of the session. The first call runs the case's jobs."""
        folder = self.folder / place.replace(" ", "-")
        if not folder.exists():
            write(folder, one)
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(f"{folder}\n")
            self.process.stdin.flush()
            assert f"{folder}\n" in self.process.stdout, self.errors.read_text()[-6000:]
        return folder

    def close(self) -> None:
        """End the process."""
        self.process.communicate(timeout=60)
