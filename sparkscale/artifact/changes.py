"""What changed from one version of an artifact to the next: features, steps, rows, and the mean that moved most."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sparkscale.errors import shown
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.shown import printable
from sparkscale.stats.column import ColumnStats

_NOTHING = "same features, steps, rows and means"


@dataclass(frozen=True)
class Shift:
    """How far the mean of a feature moved: ``(mean - mean0) / std0``, signed; infinite if it was constant.

    Attributes:
        feature: its name.
        value: in units of the earlier standard deviation.
    """

    feature: str
    value: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: a null for an infinite value."""
        return {"feature": self.feature, "value": self.value if math.isfinite(self.value) else None}

    def __str__(self) -> str:
        """Return it in words."""
        if math.isfinite(self.value):
            return f"mean of {self.feature!r} {self.value:+.2g} std"
        return f"mean of {self.feature!r} moved, which was constant"


@dataclass(frozen=True)
class Changes:
    """What changed since another version.

    Attributes:
        since: that version.
        rows: how many rows more the fit saw; None if one of the two needed no scan.
        added: features that only this version has.
        removed: features that only the other has.
        steps: what is different in the steps and their weight, in words.
        mean_shift: of the feature whose mean moved most; None if none moved.
    """

    since: int
    rows: int | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    steps: tuple[str, ...]
    mean_shift: Shift | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        names = {"added": list(self.added), "removed": list(self.removed), "steps": list(self.steps)}
        shift = self.mean_shift.to_dict() if self.mean_shift else None
        return {"since": self.since, "rows": self.rows, **names, "mean_shift": shift}

    def __str__(self) -> str:
        """Return them in one line."""
        return printable("; ".join(self._words()) or _NOTHING)

    def _words(self) -> Iterator[str]:
        if self.rows:
            yield f"rows {self.rows:+,}"
        if self.added:
            yield f"added {listed(self.added)}"
        if self.removed:
            yield f"removed {listed(self.removed)}"
        yield from self.steps
        if self.mean_shift:
            yield str(self.mean_shift)


def changes(before: Fitted, after: Fitted, since: int) -> Changes:
    """Return what changed between two versions; ``since`` is the number of the earlier one."""
    ours, theirs = features(after), features(before)
    rows = None if before.rows is None or after.rows is None else after.rows - before.rows
    added = tuple(name for name in ours if name not in theirs)
    removed = tuple(name for name in theirs if name not in ours)
    return Changes(since, rows, added, removed, tuple(_steps(before, after)), _largest(before, after))


def features(fitted: Fitted) -> dict[str, None]:
    """Return the names of all columns that the steps read, each once, in order."""
    return dict.fromkeys(column.name for step in fitted.steps for column in step.inputs)


def _steps(before: Fitted, after: Fitted) -> Iterator[str]:
    if before.weight != after.weight:
        yield f"weight {shown(before.weight)} became {shown(after.weight)}"
    theirs, ours = ([step.step.to_dict() for step in fitted.steps] for fitted in (before, after))
    old, new = ([json.dumps(step, sort_keys=True) for step in steps] for steps in (theirs, ours))
    for tag, a, b, c, d in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _replaced(theirs[a:b], ours[c:d], a, c)


def _replaced(
    theirs: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]], before: int, after: int
) -> Iterator[str]:
    """Say what became of some steps; the numbers are those of steps ahead of them."""
    both = min(len(theirs), len(ours))
    for n in range(both):
        yield from _fields(theirs[n], ours[n], after + n + 1)
    for number, step in enumerate(theirs[both:], before + both + 1):
        yield f"step {number} ({step['kind']}) removed"
    for number, step in enumerate(ours[both:], after + both + 1):
        yield f"step {number} ({step['kind']}) added"


def _fields(theirs: dict[str, Any], ours: dict[str, Any], number: int) -> Iterator[str]:
    if theirs["kind"] != ours["kind"]:
        yield f"step {number}: {theirs['kind']} became {ours['kind']}"
        return
    for key in dict.fromkeys([*theirs, *ours]):
        if theirs.get(key) != ours.get(key):
            yield f"step {number} ({ours['kind']}): {key} {shown(theirs.get(key))} became {shown(ours.get(key))}"


def _largest(before: Fitted, after: Fitted) -> Shift | None:
    """Return the largest shift of a mean; of equal ones the first."""
    shifts = (
        Shift(name, _shift(known, after.stats[name])) for name, known in before.stats.items() if name in after.stats
    )
    moved = [shift for shift in shifts if shift.value]
    return max(moved, key=lambda shift: abs(shift.value), default=None)


def _shift(before: ColumnStats, after: ColumnStats) -> float:
    """Return ``(mean - mean0) / std0``; 0 where a column has no numbers. The means are sums of two doubles."""
    if not (before.finite and after.finite):
        return 0.0
    low = math.ldexp(after.mean_lo, after.exp) - math.ldexp(before.mean_lo, before.exp)
    half = (after.mean / 2 - before.mean / 2) + low / 2  # halves do not overflow
    if not half:
        return 0.0
    return half / before.std * 2 if before.std else math.copysign(math.inf, half)
