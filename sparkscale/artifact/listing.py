"""The versions of a store, which one is promoted, and what changed from each to the next."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sparkscale.artifact import promotions, store
from sparkscale.artifact.changes import Changes, changes, features
from sparkscale.artifact.promotions import Promotion
from sparkscale.artifact.store import Place
from sparkscale.errors import ConfigError, DataError, InputMissingError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.origin import RUN, when
from sparkscale.pipeline.shown import aligned, printable

HEADER = ("version", "promoted", "fitted", "rows", "features", "run", "changes")


@dataclass(frozen=True)
class Version:
    """One version of an artifact.

    Attributes:
        version: its number.
        promoted: whether it is the promoted one.
        time: when it was fitted, in UTC, such as ``2026-01-31T02:00:00Z``; None if it does not say so.
        run_id: of the run that fitted it; None if no job did.
        rows: how many rows the fit saw; None if no step needed a scan.
        features: how many columns its steps read.
        changes: what changed since the version before, or the one before that if it is damaged; None of the first.
        damaged: what is wrong with it; None if it is whole. Then all but number and promotion are None.
    """

    version: int
    promoted: bool
    time: str | None = None
    run_id: str | None = None
    rows: int | None = None
    features: int | None = None
    changes: Changes | None = None
    damaged: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        told = self.changes.to_dict() if self.changes else None
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)} | {"changes": told}

    def cells(self) -> list[str]:
        """Return the version as text, one cell for each of :data:`HEADER`."""
        rows = "-" if self.rows is None else f"{self.rows:,}"
        count = "-" if self.features is None else f"{self.features:,}"
        told = f"damaged: {printable(self.damaged)}" if self.damaged else str(self.changes or "")
        mark = "promoted" if self.promoted else ""
        return [str(self.version), mark, self.time or "-", rows, count, self.run_id or "-", told]


@dataclass(frozen=True, repr=False)
class Versions:
    """The versions of a store, ascending: a sequence of :class:`Version` that shows itself as a table.

    Attributes:
        path: of the store.
        rows: the versions, the newest last.
        left_out: how many versions are not among them.
        promotion: the newest record of the store's log; None if no version was promoted.
        back: the version that a rollback promotes; None if there is none.
        problem: what is wrong with the promotion; None if nothing is.
    """

    path: str
    rows: tuple[Version, ...]
    left_out: int = 0
    promotion: Promotion | None = None
    back: int | None = None
    problem: str | None = None

    def __iter__(self) -> Iterator[Version]:
        """Iterate over the versions."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Return how many versions are listed."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Version:
        """Return a version by its place in the list."""
        return self.rows[index]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "path": self.path,
            "versions": [row.to_dict() for row in self.rows],
            "left_out": self.left_out,
            "promotion": self.promotion.to_dict() if self.promotion else None,
            "back": self.back,
            "problem": self.problem,
        }

    def lines(self) -> Iterator[str]:
        """Yield the table, and what is promoted."""
        yield from aligned([HEADER, *(row.cells() for row in self.rows)], left=(1, 2, 5, 6))
        yield self.summary

    @property
    def summary(self) -> str:
        """Which version is promoted and why, or what is wrong with that, in one line."""
        if self.problem:
            return f"no version is in use: {printable(self.problem)}"
        if self.promotion is None:
            return "no version was promoted: the newest is in use"
        told = f"version {self.promotion.version} is in use, promoted at {when(self.promotion.time)}"
        if self.promotion.reason:
            told += f" ({printable(self.promotion.reason)})"
        return told if self.back is None else f"{told}; a rollback promotes version {self.back}"

    def __repr__(self) -> str:
        """Return the table."""
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        header = "".join(f"<th>{name}</th>" for name in HEADER)
        cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells()) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><caption>{html.escape(self.summary)}</caption><tr>{header}</tr>{body}</table>"


def versions(uri: Place, *, last: int | None = None) -> Versions:
    """List the versions of a store: when each was fitted, on how many rows, by which run, and what changed.

    Each is read and checked whole. A damaged version is listed as damaged, and does not stop the list.

    Args:
        uri: a folder of versions.
        last: how many of the newest to list; the promoted one is always listed. None lists all.

    Raises:
        InputMissingError: (66) if there are none.
    """
    if last is not None and (type(last) is not int or last < 1):
        raise ConfigError("CONFIG_VALUE", f"last: expected a whole number from 1, found {last!r:.80}")
    with store.worded(uri) as (client, path):
        promotion, back, problem = _in_use(client, path)
    known = store.versions(uri)  # after the promotion, whose version is older than it
    if not known:
        raise InputMissingError(
            "ARTIFACT_MISSING",
            f"expected an artifact in {path}, found none",
            store.FIT,
        )
    number = promotion.version if promotion else None
    if number is not None and number not in known:
        problem = f"version {number} is promoted and gone; restore it, or promote another"
    chosen = {*(known if last is None else known[-last:]), *(one for one in known if one == number)}
    rows = tuple(_rows(path, known, chosen, number))
    return Versions(path, rows, len(known) - len(rows), promotion, back, problem)


def _in_use(client: Any, path: str) -> tuple[Promotion | None, int | None, str | None]:
    """Return the newest promotion, the version that a rollback promotes, and what is wrong."""
    try:
        now = promotions.current(client, path)
    except DataError as error:
        return None, None, str(error)
    try:
        before = promotions.read(client, path, now.previous) if now and now.previous else None
    except DataError:  # which a rollback says
        before = None
    return now, before.version if before else None, None


def _rows(path: str, known: list[int], chosen: set[int], promoted: int | None) -> Iterator[Version]:
    """Yield the chosen versions, each compared with the one before it; no more than two are in memory."""
    before: tuple[int, Fitted] | None = None
    for number, after in zip(known, [*known[1:], None], strict=True):
        if number not in chosen and after not in chosen:
            before = None
            continue
        try:
            fitted = store.parsed(*store.read(path, number))
        except (DataError, InputMissingError) as error:
            found = Version(number, number == promoted, damaged=error.cause)
        else:
            found = _row(number, fitted, before, promoted=number == promoted)
            before = number, fitted
        if number in chosen:
            yield found


def _row(number: int, fitted: Fitted, before: tuple[int, Fitted] | None, *, promoted: bool) -> Version:
    run = fitted.provenance.get(RUN, {})
    told = changes(before[1], fitted, before[0]) if before else None
    return Version(number, promoted, run.get("time"), run.get("id"), fitted.rows, len(features(fitted)), told)
