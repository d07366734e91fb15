"""A contest: entries that do the same work, checked to give the same numbers, then timed in turn."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmark.lanes import Lane
from benchmark.profile import EventLog, Profile
from benchmark.sums import sums


@dataclass(frozen=True)
class Entry:
    """A contestant: what is called with the lane's session, and on which engine."""

    name: str
    work: Callable[..., Any]
    engine: str = "spark"
    out: str | None = None  # where it writes its result


@dataclass(frozen=True)
class Target:
    """A ratio of two entries' medians that the project holds itself to."""

    ours: str
    other: str
    most: float

    def judge(self, medians: dict[str, float]) -> str | None:
        """Say whether it is met; None where one of the two was not run."""
        if self.ours not in medians or self.other not in medians:
            return None
        ratio = medians[self.ours] / medians[self.other]
        met = "met" if ratio <= self.most else "MISSED"
        if self.most < 1:
            return f"{met}: {self.ours} is {1 / ratio:.2f} times as fast as {self.other} (>= {1 / self.most:.2f})"
        return f"{met}: {self.ours} takes {ratio:.2f} times {self.other} (<= {self.most:.2f})"


@dataclass(frozen=True)
class Limit:
    """Seconds that an entry's median may take, of what is no scan and so doesn't grow with the rows."""

    ours: str
    most: float

    def judge(self, medians: dict[str, float]) -> str | None:
        """Say whether it is met; None where the entry was not run."""
        if self.ours not in medians:
            return None
        met = "met" if medians[self.ours] <= self.most else "MISSED"
        return f"{met}: {self.ours} takes {medians[self.ours]:.2f} s (<= {self.most:.2f} s)"


@dataclass
class Contest:
    """Entries, and what they are held to. The first is the floor that ratios are taken to."""

    title: str
    entries: Sequence[Entry]
    targets: Sequence[Target | Limit] = ()
    rtol: float = 1e-9
    alike: bool = True  # whether the entries are given the same table, and so give the same numbers
    columns: Mapping[str, int] = field(default_factory=dict)  # of each entry, where the time a column is what counts
    seconds: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)

    def run(self, lanes: Lanes, repeats: int, warm_ups: int = 1) -> None:
        """Check, which warms up as well, warm up, and time."""
        spans: dict[str, list[tuple[float, float]]] = {}
        self._check({entry.name: self._numbers(entry, lanes) for entry in self.entries})
        for turn in range(warm_ups + repeats):
            for entry in self.entries:
                began = time.time()
                taken, _ = lanes[entry.engine].do(entry.work)
                if turn >= warm_ups:
                    self.seconds.setdefault(entry.name, []).append(taken)
                    if entry.engine == "spark":
                        spans.setdefault(entry.name, []).append((began, time.time()))
        if lanes.log and spans:
            self.profiles = lanes.log.profiles(spans)

    def _numbers(self, entry: Entry, lanes: Lanes) -> dict[str, Any] | None:
        _, numbers = lanes[entry.engine].do(entry.work)
        return sums(entry.out) if entry.out else numbers

    def _check(self, results: dict[str, dict[str, Any] | None]) -> None:
        """Hold every number that an entry gives to that of the first which gives it."""
        known: dict[str, tuple[str, Any]] = {}
        for name, numbers in results.items() if self.alike else ():
            for what, found in (numbers or {}).items():
                first, expected = known.setdefault(what, (name, found))
                message = f"{self.title}: {what} by {name}, against {first}"
                np.testing.assert_allclose(found, expected, rtol=self.rtol, atol=1e-9, err_msg=message)

    @property
    def medians(self) -> dict[str, float]:
        """Median seconds by entry."""
        return {name: statistics.median(taken) for name, taken in self.seconds.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        floor = next(iter(self.medians.values()))
        entries = {
            name: {"seconds": self.seconds[name], "median": median, "ratio": median / floor}
            for name, median in self.medians.items()
        }
        profiles = {name: asdict(profile) for name, profile in self.profiles.items()}
        return {
            "title": self.title,
            "entries": entries,
            "targets": self.verdicts,
            "notes": self.notes,
            "profiles": profiles,
        }

    @property
    def verdicts(self) -> list[str]:
        """What each target says."""
        return [said for target in self.targets if (said := target.judge(self.medians))]

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        yield self.title
        floor = next(iter(self.medians.values()))
        for name, median in self.medians.items():
            low, high = min(self.seconds[name]), max(self.seconds[name])
            a_column = f"   {1000 * median / self.columns[name]:7.3f} ms a column" if name in self.columns else ""
            yield f"  {name:46} {median:8.2f} s   {low:7.2f} to {high:7.2f}   x {median / floor:.2f}{a_column}"
        profiles = [f"{name}: {profile}" for name, profile in self.profiles.items()]
        yield from (f"  {line}" for line in (*self.verdicts, *profiles, *self.notes))


class Lanes(dict[str, Lane]):
    """Lanes by engine, started when first asked for."""

    def __init__(self, memory: str, log: EventLog | None = None) -> None:
        """Remember how much memory a JVM gets, and where classic Spark's event log goes, if anywhere."""
        super().__init__()
        self._memory = memory
        self.log = log

    def __missing__(self, engine: str) -> Lane:
        """Start one."""
        logged = self.log.settings if self.log and engine == "spark" else {}
        self[engine] = Lane(engine, {"spark.driver.memory": self._memory, **logged})
        return self[engine]

    def close(self) -> None:
        """End all."""
        with contextlib.ExitStack() as stack:
            for lane in self.values():
                stack.callback(lane.close)
        self.clear()
