"""What a campaign ran, and which promises it found broken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: whole old or whole new; nothing gone before its replacement is there; the same run gives the same; the exit code and
#: one line; no residue; no secret; damage is noticed where the format can tell.
PROMISES = ("I1", "I2", "I3", "I4", "I5", "I6", "I7")


@dataclass
class Tally:
    """One fault: how often it was done, what it broke, and what there is to say."""

    fault: str
    runs: int = 0
    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROMISES})
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ran(self, times: int = 1) -> None:
        """Count runs."""
        with self._lock:
            self.runs += times

    def hold(self, promise: str, kept: object, what: str) -> bool:
        """Note that a promise is broken unless it is kept; return whether it is."""
        if not kept:
            with self._lock:
                self.broken[promise].append(what)
        return bool(kept)

    @property
    def violations(self) -> int:
        """How many there are."""
        return sum(map(len, self.broken.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        counts = {name: len(what) for name, what in self.broken.items()}
        said = {name: what for name, what in self.broken.items() if what}
        return {"fault": self.fault, "runs": self.runs, **counts, "violations": said, "notes": self.notes,
                "seconds": round(self.seconds, 1)}  # fmt: skip


def lines(tallies: list[Tally]) -> Iterator[str]:
    """Yield the table, and below it what was broken and what is to say."""
    wide = max(len(tally.fault) for tally in tallies)
    yield f"{'fault':{wide}}   runs  {'  '.join(f'{name:>3}' for name in PROMISES)}   seconds"
    for tally in tallies:
        counts = "  ".join(f"{len(tally.broken[name]):>3}" for name in PROMISES)
        yield f"{tally.fault:{wide}}  {tally.runs:>5}  {counts}  {tally.seconds:>8.1f}"
    for tally in tallies:
        yield from (f"{tally.fault}: {note}" for note in tally.notes)
        for name, found in tally.broken.items():
            yield from (f"{tally.fault}: {name} BROKEN: {what}" for what in found[:20])
