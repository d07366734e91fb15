"""What a job would do, as `explain` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sparkscale.report.tables import artifact_text
from sparkscale.report.words import counted


@dataclass(frozen=True)
class ExplainedStep:
    """A step: the columns that it reads and writes, its formula, and which engine says it."""

    kind: str
    formula: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    engine: str
    why: str

    @property
    def line(self) -> str:
        """The step for people."""
        into = "" if self.inputs == self.outputs else f" -> {', '.join(self.outputs)}"
        return f"{self.kind} of {', '.join(self.inputs)}{into}: {self.formula}; {self.engine}: {self.why}"


@dataclass(frozen=True)
class Explained:
    """What a job would do."""

    reading: dict[str, Any]
    fit: dict[str, Any]
    steps: Sequence[ExplainedStep]
    writing: dict[str, Any]
    #: How the partitions of input and output differ, for people; empty where they do not.
    partitions: str = ""
    #: The types that the values of a text input decided.
    types: Mapping[str, str] = field(default_factory=dict)
    #: The artifact that it applies; empty where it fits.
    artifact: Mapping[str, Any] = field(default_factory=dict)
    #: How `update` keeps statistics by partition, and the kinds of steps that look at the whole window again.
    states: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield the lines for people."""
        yield self._input
        yield from self.notes()
        if self.artifact:
            yield f"artifact: {artifact_text(self.artifact)}"
        if self.fit["features"]:
            yield self._fit
        yield from self._looks()
        if self.states:
            yield self._update
        yield from (f"step {number}: {step.line}" for number, step in enumerate(self.steps, 1))
        if self.writing:
            written = self.writing
            yield f"output: {written['name']} ({written['format']}, {written['mode']}), {written['how']}"

    def notes(self) -> Iterator[str]:
        """Yield what a user should know of the input."""
        if self.types:
            yield f"types, from reading all values once: {_by_type(self.types)}"
        if self.partitions:
            yield self.partitions

    @property
    def _input(self) -> str:
        known = self.reading
        files = f", {counted(known['files'], 'file')}" if known["files"] else ""
        size = f", {counted(known['bytes'], 'byte')}" if known["bytes"] else ""
        fit = f"{counted(known['fit_columns'], 'column')} for the fit, " if known["fit_columns"] else ""
        return f"input: {known['name']}{files}{size}; {fit}{counted(known['columns'], 'column')} for the output"

    @property
    def _fit(self) -> str:
        known, weight = self.fit, self.fit["weight"]
        sketches = f", {known['sketches']} with a quantile sketch" if known["sketches"] else ""
        how = ", aggregated by partition" if known["by_partition"] else ""
        again = "columns with NaN, infinities or a mean beyond 100 std are scanned again"
        if weight is not None:
            how += f", weighted by {weight!r}: two scans of the values, and one of the weights alone"
            again = "columns with NaN, infinities or a weighted mean beyond 10 std of the plain one are scanned again"
        queries = counted(known["queries"], "query", "queries")
        return f"fit: {counted(known['features'], 'feature')}{sketches}, in {queries}{how}; {again}"

    def _looks(self) -> Iterator[str]:
        """Yield what steps scan beyond the first statistics."""
        for kind, (label, usual, most) in self.fit["labels"].items():
            scans = f"usually in {counted(usual, 'scan')} of its scores, at most {most}"
            yield f"fit: {kind} learns its temperature from label {label!r}, {scans}"
        for kind, times in self.fit["looks"].items():
            scans = "one scan" if self.fit["weight"] is None else "as many scans as above"
            yield f"fit: {kind} looks again up to {counted(times, 'time')}, each with {scans}, shared by all steps"

    @property
    def _update(self) -> str:
        by, kinds = ", ".join(self.states["by"]), self.states["looks"]
        looks = f"; {' and '.join(kinds)} {'looks' if len(kinds) == 1 else 'look'} again at the whole window"
        return f"update: reads only the partitions by {by} that are new or changed{looks if kinds else ''}"


def _by_type(types: Mapping[str, str]) -> str:
    """Return the columns of each type."""
    kinds = ("bigint", "double", "string", *sorted(set(types.values()) - {"bigint", "double", "string"}))
    by_kind = {kind: [name for name, type_ in types.items() if type_ == kind] for kind in kinds}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in by_kind.items() if names)
