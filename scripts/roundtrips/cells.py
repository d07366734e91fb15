"""The cells of the matrix: many columns a job, fewer where it is refused, until each has a verdict of its own."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from roundtrips import compare, jobs, readers, writers
from roundtrips.compare import NONE, REFUSED, WARNED, WRONG, Verdict
from roundtrips.kinds import ROWS, Kind
from roundtrips.writers import NoSuchInputError, Source

OUTPUTS = ("parquet", "orc", "csv", "json", "delta", "iceberg",
           "parquet/k", "orc/k", "csv/k", "json/k", "delta/k", "iceberg/k")  # fmt: skip

#: How a warning ends that does not name all of its columns.
_MORE = re.compile(r"\band \d+ more\b")


@dataclass
class Cells:
    """The jobs of one engine, in a folder of their own."""

    folder: Path
    jobs: int = 0
    #: The folder of the job at hand.
    place: Path = Path()
    #: Columns that end the jobs of an input; they go alone.
    _apart: dict[str, set[str]] = field(default_factory=dict)
    #: Columns with which an input cannot be read, whatever the output.
    _unread: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    _lacking: dict[str, set[str]] = field(default_factory=dict)

    def judge(self, source: str, target: str, kinds: Sequence[Kind]) -> dict[str, Verdict]:
        """Return the verdict of each kind."""
        apart = self._apart.setdefault(source, set())
        lacking = self._lacks(source, kinds)
        found = {name: Verdict(NONE) for name in lacking} | self._unread.setdefault(source, {})
        there = [kind for kind in kinds if kind.name not in found]
        pending = [
            [kind for kind in there if kind.name not in apart],
            *([kind] for kind in there if kind.name in apart),
        ]
        while pending:
            group = pending.pop()
            if group:
                verdicts, rest = self._group(source, target, group)
                found |= verdicts
                pending += rest
        return found

    def _lacks(self, source: str, kinds: Sequence[Kind]) -> set[str]:
        """Return the kinds that an input cannot hold, by its independent writer."""
        if source not in self._lacking:
            self._lacking[source] = lacking = set()
            for kind in kinds:
                try:
                    self._write(source, [kind])
                except NoSuchInputError:
                    lacking.add(kind.name)
        return self._lacking[source]

    def _write(self, source: str, group: Sequence[Kind]) -> Source:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.place = Path(tempfile.mkdtemp(dir=self.folder))  # a writer that failed may be at work in the one before
        return writers.write(source, self.place / "in", table_of(group))

    def _group(self, source: str, target: str, group: list[Kind]) -> tuple[dict[str, Verdict], list[list[Kind]]]:
        """Run one job; return verdicts, and the groups to be run again."""
        given, outcome = self._run(source, target, group)
        if outcome.exit_code == 0:
            return self._compared(target, given, group, outcome)
        if len(group) == 1:
            return {group[0].name: self._alone(source, group[0], outcome)}, []
        refused = self._refused(group, outcome)
        if refused:
            return refused, [[kind for kind in group if kind.name not in refused]]
        if outcome.refused and self._refuses_all(source, target):
            return dict.fromkeys((kind.name for kind in group), Verdict(REFUSED, outcome.message)), []
        return {}, _halves(group)

    def _run(self, source: str, target: str, group: Sequence[Kind]) -> tuple[Source, jobs.Outcome]:
        """Run one job."""
        given, place = self._write(source, group), target_of(target, self.place / "out", group)
        self.jobs += 1
        return given, jobs.run(given.place, place, self.place, self_check=_verified(source))

    def _refuses_all(self, source: str, target: str) -> bool:
        """Whether a pair is refused whatever the columns, and nothing is written."""
        return self._run(source, target, [])[1].refused and not self._wrote()

    def _alone(self, source: str, kind: Kind, outcome: jobs.Outcome) -> Verdict:
        """Judge a job of one column that did not end well, and keep what is the input's."""
        verdict = self._refusal(kind, outcome)
        if outcome.message.startswith("reading "):
            self._unread[source][kind.name] = verdict
        elif not outcome.refused:
            self._apart[source].add(kind.name)
        return verdict

    def _refused(self, group: Sequence[Kind], outcome: jobs.Outcome) -> dict[str, Verdict]:
        """Return the verdicts of columns that a refusal has a problem of its own for."""
        if not outcome.refused or self._wrote():
            return {}
        named = [([kind.name for kind in group if _names(kind, said)], said) for said in outcome.problems]
        return {names[0]: Verdict(REFUSED, said) for names, said in named if len(names) == 1}

    def _refusal(self, kind: Kind, outcome: jobs.Outcome) -> Verdict:
        """Judge a job of one column that did not end well."""
        said = outcome.message if outcome.exit_code != 70 else outcome.message[:600]
        if not outcome.refused:
            return Verdict(WRONG, f"exit {outcome.exit_code}: {said}")
        if self._wrote():
            return Verdict(WRONG, f"refused, and wrote: {said}")
        if not _names(kind, outcome.message) and "; " not in outcome.message:
            return Verdict(WRONG, f"refused without a column or a way out: {said}")
        return Verdict(REFUSED, said)

    def _wrote(self) -> bool:
        """Whether there is anything of an output; Delta leaves empty folders."""
        return any(path.is_file() for path in (self.place / "out").rglob("*"))

    def _compared(
        self, target: str, given: Source, group: list[Kind], outcome: jobs.Outcome
    ) -> tuple[dict[str, Verdict], list[list[Kind]]]:
        try:
            found = readers.read(target, self.place / "out")
        except Exception as error:  # noqa: BLE001 - readers say in many ways that a file is none
            if len(group) > 1:
                return {}, _halves(group)
            told = [text for text in outcome.warnings if _names(group[0], text) and "pyarrow reads none" in text]
            word = WARNED if told else WRONG
            return {group[0].name: Verdict(word, f"unreadable: {type(error).__name__}: {error!s:.300}")}, []
        rows = list(range(ROWS))
        if found.i != rows or found.x != [(row + 1) / ROWS for row in rows]:
            if len(group) > 1:
                return {}, _halves(group)
            return {group[0].name: Verdict(WRONG, f"rows: i is {found.i}, x is {found.x}")}, []
        verdicts = {}
        for kind in group:
            verdict = compare.compare(given.columns[kind.column], found.columns.get(kind.column))
            warning = next((text for text in outcome.warnings if _names(kind, text)), None)
            verdicts[kind.name] = compare.warned(verdict, target, warning)
        unsure = [kind for kind in group if verdicts[kind.name].word == WRONG]
        if len(group) > 1 and any(_MORE.search(text) for text in outcome.warnings):
            sure = {name: verdict for name, verdict in verdicts.items() if verdict.word != WRONG}
            return sure, [[kind] for kind in unsure]
        return verdicts, []


def _halves(group: list[Kind]) -> list[list[Kind]]:
    return [group[: len(group) // 2], group[len(group) // 2 :]]


def _names(kind: Kind, text: str) -> bool:
    return bool(re.search(rf"\b{kind.column}\b", text))


def table_of(group: Sequence[Kind]) -> pa.Table:
    """Return the key, the column to scale, and the columns of some kinds."""
    columns: dict[str, Any] = {"i": pa.array(range(ROWS), pa.int64()), "x": pa.array(map(float, range(1, ROWS + 1)))}
    return pa.table(columns | {kind.column: kind.array() for kind in group})


def target_of(target: str, folder: Path, group: Sequence[Kind]) -> dict[str, Any]:
    """Return the section `output` of a job file."""
    place: dict[str, Any] = {"format": target.removesuffix("/k"), "path": str(folder)}
    if target.endswith("/k"):
        place["partition_by"] = [kind.column for kind in group]
    return place


def _verified(source: str) -> int:
    """Return how many rows a job checks itself: of one input, as the check is the same for all."""
    return 1000 if source == "parquet" else 0


def pairs(inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of input and output."""
    for source in inputs:
        for target in outputs:
            yield source, target
