"""A target in its old state, the job that makes the new one, and what is found there by readers other than ours.

Every row carries the number of its generation, so that a mixture is seen; counts and sums of what a job computes
are known beforehand, so that a part is.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from pyiceberg.table import StaticTable

from campaign.ledger import Tally
from campaign.processes import SECRET, Outcome

#: By partition and generation: rows, and the sum of the feature as it was scaled. None: there is no target.
State: TypeAlias = dict[tuple[int, int], tuple[int, float]] | None
PARTS = 4
_JOB = """\
version: 1
name: faults
input: {{format: parquet, path: ../{inputs}/in-1}}
steps: [{{kind: minmax, columns: x}}]
artifact: {{path: {artifact}}}
output: {{format: {format}, path: {place}, mode: {mode}{partition_by}}}
self_check: {self_check}
spark: {spark}
"""


@dataclass(frozen=True)
class Sink:
    """A kind of target, and how a run adds to it."""

    format: str
    mode: str

    @property
    def input(self) -> str:
        """The folder of the new generation's input."""
        return "in-2p" if self.mode == "overwrite_partitions" else "in-2"

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.format} {self.mode}"


FILES = [Sink("parquet", mode) for mode in ("error", "overwrite", "append", "overwrite_partitions")]
LAKES = [Sink("delta", "append"), Sink("iceberg", "append")]


def write_inputs(folder: Path, rows: int) -> None:
    """Write the inputs of two generations, and of the second for half of the partitions."""
    for name, generation, parts in (("in-1", 1, PARTS), ("in-2", 2, PARTS), ("in-2p", 2, PARTS // 2)):
        (folder / name).mkdir(parents=True)
        number = np.arange(rows)
        number = number[number % PARTS < parts]
        table = pa.table({"x": 1.0 * number + generation, "p": number % PARTS, "gen": np.full(len(number), generation)})
        for half in range(2):
            pq.write_table(table.slice(half * len(number) // 2, len(number) // 2), folder / name / f"{half}.parquet")


def made(rows: int, generation: int, parts: int = PARTS) -> dict[tuple[int, int], tuple[int, float]]:
    """Return what a generation's result holds, by NumPy alone."""
    number = np.arange(rows)
    number = number[number % PARTS < parts]
    scaled = number / number.max()
    part = number % PARTS
    return {(p, generation): (int((part == p).sum()), float(scaled[part == p].sum())) for p in range(parts)}


def state_of(table: pa.Table | None) -> State:
    """Return the state that a table is in; only rows with a feature count."""
    if table is None:
        return None
    part, generation, x = (table[name].to_numpy() for name in ("p", "gen", "x"))
    keys = sorted(set(zip(part.tolist(), generation.tolist(), strict=True)))
    groups = {(p, g): x[(part == p) & (generation == g) & ~np.isnan(x)] for p, g in keys}
    return {key: (len(values), float(values.sum())) for key, values in groups.items()}


def same(found: State, known: State) -> bool:
    """Whether two states are one, but for the rounding of sums."""
    if found is None or known is None or found.keys() != known.keys():
        return found is known
    return all(found[key][0] == known[key][0] and np.isclose(found[key][1], known[key][1], rtol=1e-9) for key in found)


def table_of(place: Path, format_: str) -> pa.Table | None:
    """Read a target with a library that is independent of Spark and of sparkscale; None if there is no target."""
    if format_ == "delta":
        if not list(place.glob("_delta_log/*.json")):
            return None
        return pa.table(deltalake.DeltaTable(str(place)).to_pyarrow_dataset().to_table())
    if format_ == "iceberg":
        versions = sorted(place.glob("metadata/v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))
        return StaticTable.from_metadata(str(versions[-1])).scan().to_arrow() if versions else None
    if not place.is_dir():
        return None
    return pyarrow.dataset.dataset(place, format=format_, partitioning="hive").to_table()


@dataclass
class Scene:
    """One target, in a folder of its own."""

    folder: Path
    sink: Sink
    rows: int
    spark: dict[str, Any]
    place: str = "out"
    artifact: str = "stats"
    inputs: str = "inputs"
    #: Beside what a run leaves: file systems that are mounted here.
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Write the job file."""
        self.folder.mkdir(exist_ok=True)
        by = ", partition_by: [p]" if self.sink.mode == "overwrite_partitions" else ""
        text = _JOB.format(
            inputs=self.inputs,
            artifact=self.artifact,
            format=self.sink.format,
            place=self.place,
            mode=self.sink.mode,
            partition_by=by,
            self_check=10 if self.spark.get("engine") == "sail" else 0,
            spark=json.dumps(self.spark | {"conf": self._conf()}),
        )
        (self.folder / "job.yaml").write_text(text)

    def _conf(self) -> dict[str, str]:
        own = {} if self.spark.get("engine") == "sail" else {"spark.local.dir": str(self.folder / "tmp")}
        return {"spark.hadoop.faults.secret": "${env:FAULTS_SECRET}", **own, **self.spark.get("conf", {})}

    @property
    def target(self) -> Path:
        """Where the output is."""
        return self.folder / self.place

    @property
    def old(self) -> State:
        """The state before the run."""
        return None if self.sink.mode == "error" else made(self.rows, 1)

    @property
    def new(self) -> State:
        """The state after it."""
        parts = PARTS // 2 if self.sink.mode == "overwrite_partitions" else PARTS
        result = made(self.rows, 2, parts)
        if self.sink.mode == "append":
            return made(self.rows, 1) | result
        if self.sink.mode == "overwrite_partitions":
            return {key: value for key, value in made(self.rows, 1).items() if key[0] >= parts} | result
        return result

    @property
    def first(self) -> list[str]:
        """The command that makes the old state."""
        return ["run", "-c", "job.yaml", "--run-id", "first", "--json"]

    @property
    def second(self) -> list[str]:
        """The command that makes the new one."""
        wanted = f"input.path=../{self.inputs}/{self.sink.input}"
        return ["run", "-c", "job.yaml", "--run-id", "second", "--json", "--set", wanted]

    def begin(self, run: Callable[[list[str], Path], Outcome]) -> Scene:
        """Bring the target into its old state."""
        if self.old is not None:
            done = run(self.first, self.folder)
            if done.code:
                raise RuntimeError(f"no old state of {self.sink}: exit {done.code}\n{done.err}")
        return self

    def copy(self, folder: Path, **changes: Any) -> Scene:
        """Return a scene of its own in the same state; of files only, as a table may know where it is."""
        shutil.copytree(self.folder, folder)
        return Scene(**{**vars(self), "folder": folder, **changes})

    def found(self) -> State:
        """Return the state that the target is in now."""
        return state_of(table_of(self.target, self.sink.format))

    def store(self) -> dict[str, bytes]:
        """Return the artifacts."""
        return {path.name: path.read_bytes() for path in (self.folder / self.artifact).glob("*")}

    def _artifacts(self) -> dict[str, bytes]:
        """Return the artifacts to be compared, without times of fits; of Sail, whose last digits vary, rounded."""
        known = {name: _timeless(json.loads(data)) for name, data in self.store().items()}
        sail = self.spark.get("engine") == "sail"
        return {name: json.dumps(_rounded(one) if sail else one).encode() for name, one in known.items()}

    def inspect(self, tally: Tally, what: str, *, renames: bool = False) -> str:
        """Check I1 and I2 on the target as a fault left it; return ``old``, ``new`` or something else."""
        try:
            found = self.found()
        except Exception as error:  # noqa: BLE001 - what a reader cannot read is what is looked for
            tally.hold("I1", False, f"{what}: a reader fails: {type(error).__name__}: {error}")  # noqa: FBT003
            return "unreadable"
        if found is None and self.old is not None:
            aside = list(self.target.parent.glob("_sparkscale-*/old"))
            tally.hold("I2", renames and aside, f"{what}: the old output is gone")
            return "aside"
        which = "old" if same(found, self.old) else "new" if same(found, self.new) else "neither"
        tally.hold("I1", which != "neither", f"{what}: found {found}, expected {self.old} or {self.new}")
        return which

    def rerun(self, tally: Tally, what: str, run: Callable[[list[str], Path], Outcome], clean: Scene) -> None:
        """Run the same again, twice, and compare the result with a clean run's."""
        done = run(self.second, self.folder)
        ended(tally, f"{what}: rerun", done, {0})
        if done.code:
            return
        tally.hold("I3", same(self.found(), self.new), f"{what}: rerun gave {self.found()}, expected {self.new}")
        ours, theirs = self._artifacts(), clean._artifacts()
        tally.hold("I3", ours == theirs, f"{what}: the artifacts differ from a clean run's: {_differ(ours, theirs)}")
        if self.sink in FILES:
            tally.hold("I3", self._is_listed(), f"{what}: the files are not those of the manifest")
        before = _listing(self.target)
        again = run(self.second, self.folder)
        unchanged = again.code == 0 and json.loads(again.out)["status"] == "unchanged"
        tally.hold("I3", unchanged, f"{what}: third run: exit {again.code}, {again.out}{again.err[-300:]}")
        tally.hold("I3", _listing(self.target) == before, f"{what}: a run that had finished changed the target")
        self.clean(tally, what)

    def _is_listed(self) -> bool:
        """Whether the manifest names the files that there are, each with its checksum."""
        known = json.loads((self.target / "_sparkscale" / "manifest.json").read_text())["files"]
        files = (path for path in self.target.rglob("*.parquet") if not path.name.startswith("."))
        found = {str(path.relative_to(self.target)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return found == {name: entry.get("sha256") for name, entry in known.items()}

    def clean(self, tally: Tally, what: str) -> None:
        """Check I5 and I6: the folder holds the results of the run alone, and no secret."""
        tops = {Path(place).parts[0] for place in (self.place, self.artifact)}
        expected = {"job.yaml", "stdout", "stderr", "tmp"} | tops
        left = {path.name for path in self.folder.iterdir()} - expected - self.known
        left |= {path.name for path in self.target.parent.glob("_sparkscale-*")}
        tally.hold("I5", not left, f"{what}: left behind: {sorted(left)}")
        self.secret(tally, what)

    def secret(self, tally: Tally, what: str) -> None:
        """Check I6 on everything that was written."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_relative_to(self.folder / "tmp"):
                tally.hold("I6", SECRET.encode() not in path.read_bytes(), f"{what}: a secret in {path.name}")

    def scratch(self, tally: Tally, what: str) -> None:
        """Check I5 on the folder of temporary files, after a run that has ended."""
        left = sorted(path.name for path in (self.folder / "tmp").glob("sparkscale-*"))
        tally.hold("I5", not left, f"{what}: left behind in TMPDIR: {left}")


def ended(tally: Tally, what: str, done: Outcome, codes: set[int]) -> None:
    """Check I4 (exit code and last line) and I6 on how a command ended."""
    tally.hold("I4", done.code in codes, f"{what}: exit {done.code}, expected {sorted(codes)}: {done.err[-600:]}")
    if done.code:
        tally.hold("I4", done.last.startswith("sparkscale: "), f"{what}: the last line is {done.last[:300]!r}")
    tally.hold("I4", "Traceback" not in done.err, f"{what}: a traceback: {done.err[-600:]}")
    tally.hold("I6", SECRET not in done.out + done.err, f"{what}: a secret in what was said")


def _differ(ours: dict[str, bytes], theirs: dict[str, bytes]) -> str:
    if ours.keys() != theirs.keys():
        return f"{sorted(ours)} and {sorted(theirs)}"
    return next((f"{name}: {_first(ours[name], theirs[name])}" for name in ours if ours[name] != theirs[name]), "")


def _timeless(artifact: dict[str, Any]) -> dict[str, Any]:
    """Return an artifact without the time of its fit, and without the checksum that covers it."""
    del artifact["checksum"], artifact["provenance"]["run"]["time"]
    return artifact


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _first(ours: bytes, theirs: bytes) -> str:
    at = next((n for n, (a, b) in enumerate(itertools.zip_longest(ours, theirs)) if a != b), 0)
    return f"{ours[max(at - 60, 0) : at + 60]!r} and {theirs[max(at - 60, 0) : at + 60]!r}"


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*"))
