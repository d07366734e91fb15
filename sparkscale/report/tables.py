"""What a run did: for machines as a dict, for people as text."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import InitVar, asdict, dataclass, field, replace
from typing import Any, TypeAlias

from sparkscale.artifact.groups import is_beside
from sparkscale.pipeline.audit import Audit
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.origin import RUN
from sparkscale.pipeline.shown import HEADER, cells, printable
from sparkscale.report.audit import lines as audit_lines
from sparkscale.report.words import counted
from sparkscale.stats.calibration import Calibration

#: Entered for the duration of a stage, with its name and the number of input rows, if known.
Observe: TypeAlias = Callable[[str, int | None], AbstractContextManager[None]]


@dataclass
class Report:
    """The summary of one run, filled in as it goes."""

    command: str
    run_id: str
    status: str = "done"
    engine: str = ""
    rows: int | None = None
    artifact: dict[str, Any] = field(default_factory=dict)
    #: Of `fit` and `run`: the version that is promoted in the store; None if none is.
    promoted: int | None = None
    output: dict[str, Any] = field(default_factory=dict)
    verified_rows: int = 0
    undefined_rows: dict[str, int] = field(default_factory=dict)
    audit: Audit | None = None
    calibrations: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: For each key by which steps group: how many groups there are, and whether a file beside the artifact has them.
    groups: list[dict[str, Any]] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    expect: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    baseline: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    observe: InitVar[Observe | None] = None

    def __post_init__(self, observe: Observe | None) -> None:
        self._observe = observe

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of the run."""
        start = time.perf_counter()
        observed = self._observe(name, self.rows) if self._observe else contextlib.nullcontext()
        try:
            with observed:
                yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(replace(self, audit=None)) | {"audit": self.audit.to_list() if self.audit else []}

    def unchanged(self, record: Mapping[str, Any]) -> None:
        """Note that the run had already finished, so nothing changed."""
        self.status = "unchanged"
        self.rows = record.get("rows")
        self.audit = Audit.of_record(record)
        self.artifact = dict(record.get("artifact") or {})

    def notes(self) -> Iterator[str]:
        """Yield the notes beside the summary: what was recovered, and warnings."""
        for done in self.recovered:
            yield f"recovered: {done}"
        for warning in self.warnings:
            yield f"warning: {warning}"

    def lines(self) -> Iterator[str]:
        """Yield the summary for people."""
        yield from self._temperatures()
        for one in self.groups:
            where = ", their statistics in a Parquet file beside the artifact" if one["beside"] else ""
            yield f"groups by {', '.join(one['by'])}: {one['groups']:,}{where}"
        for step, count in self.undefined_rows.items():
            if count:
                yield f"{step}: {counted(count, 'row')} without a softmax (every score is -inf)"
        if self.audit:
            yield from audit_lines(self.audit, self.undefined_rows)
        yield from self._checks()
        if self.status == "refused":
            return
        if self.artifact:
            yield self._version
        if self.status == "unchanged":
            yield f"unchanged: {self.output['path']} already holds the result of run {self.run_id}"
            return
        if self.output:
            rows = counted(self.rows or 0, "row")
            yield f"output: {self.output['path']}, {rows}, {self.verified_rows:,} checked against NumPy"
        yield f"{self._took}, run {self.run_id}"

    def learned(self, fitted: Fitted) -> None:
        """Note what a user should know of a fit."""
        self.rows = fitted.rows
        self.warnings += fitted.warnings
        self.groups = [
            {"by": list(key), "groups": len(table), "beside": is_beside(table)} for key, table in fitted.tables.items()
        ]
        self.calibrations = {step: found.to_dict() for step, found in calibrations(fitted).items()}

    def _temperatures(self) -> Iterator[str]:
        """Yield what the fits of temperatures have found."""
        for step, found in self.calibrations.items():
            yield f"{step}: {Calibration.from_dict(found).summary}"

    @property
    def _took(self) -> str:
        """Where the run was done, and how long its stages took."""
        on = f" on {self.engine}" if self.engine else ""
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        return f"done{on} in {sum(self.seconds.values()):.1f} s" + (f" ({stages})" if stages else "")

    @property
    def _version(self) -> str:
        """The artifact that was saved or applied."""
        return f"artifact: {artifact_text(self.artifact)}{self._not_promoted}"

    @property
    def _not_promoted(self) -> str:
        """Say that another version stays in use, and how to change that."""
        version = self.artifact.get("version")
        if self.promoted in (None, version):
            return ""
        command = f"sparkscale promote {self.artifact['path']} {version}"
        return f"; version {self.promoted} stays promoted (to change that, `{command}`)"

    def _checks(self) -> Iterator[str]:
        """Yield how many expectations hold, and how many measures are over their thresholds."""
        if self.expect:
            yield f"expectations: {_over(self.expect)} of {counted(len(self.expect), 'check')}"
        if self.baseline:
            version = f" version {self.baseline['version']}" if self.baseline["version"] else ""
            measures = counted(len(self.drift), "measure")
            yield f"drift from {self.baseline['path']}{version}: {_over(self.drift)} of {measures}"


def _over(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many rows are an error or a warning."""
    errors, warnings = (sum(row["verdict"] == verdict for row in rows) for verdict in ("error", "warn"))
    return f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"


def artifact_text(about: Mapping[str, Any]) -> str:
    """Return the path of an artifact and its version, which an artifact of one file lacks."""
    return f"{about['path']} version {about['version']}" if "version" in about else str(about["path"])


def describe(fitted: Fitted) -> Iterator[list[str]]:
    """Yield a table of the statistics: a header and a row for each feature."""
    yield ["feature", *HEADER]
    for name, stats in fitted.stats.items():
        yield [printable(name), *cells(stats)]


def rows_text(fitted: Fitted) -> str:
    """Return how many rows the fit saw."""
    weighted = "" if fitted.weight is None else printable(f" weighted by {fitted.weight!r}")
    return "no rows (row steps need none)" if fitted.rows is None else counted(fitted.rows, "row") + weighted


def calibrations(fitted: Fitted) -> dict[str, Calibration]:
    """Return what the fits of temperatures have found, by step."""
    return {
        f"step {number} ({fitted.steps[number - 1].step.kind})": found for number, found in fitted.calibrations.items()
    }


def provenance_text(provenance: Mapping[str, Any]) -> str:
    """Return the provenance in one line."""
    return printable(", ".join(f"{key} {value}" for key, value in provenance.items() if key not in ("inputs", RUN)))


def origin_text(provenance: Mapping[str, Any]) -> str:
    """Return when a fit was made and by which run, in words; empty if it does not say so."""
    run = provenance.get(RUN)
    if run is None:
        return ""
    return f" at {run['time']}" + (f" by run {run['id']}" if "id" in run else "")
