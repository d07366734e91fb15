"""Where the time of an entry goes, out of Spark's event log: its jobs, its tasks, and what these did meanwhile."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: Seconds that Spark's listeners may be behind.
_PATIENCE = 1.0


@dataclass(frozen=True)
class Profile:
    """One time that an entry was run: sums over its tasks, in seconds of all cores together."""

    jobs: int
    tasks: int
    running: float
    on_cpu: float
    gc: float

    @classmethod
    def median(cls, profiles: Sequence[Profile]) -> Profile:
        """Return the median of each figure."""
        columns = zip(*(asdict(profile).values() for profile in profiles), strict=True)
        return cls(*(statistics.median_low(column) for column in columns))

    def __str__(self) -> str:
        return (
            f"{self.jobs} jobs, {self.tasks} tasks; tasks ran {self.running:.2f} s on all cores together, "
            f"{self.on_cpu:.2f} s of it on a processor; GC {self.gc:.2f} s"
        )


class EventLog:
    """The event log of a session that runs: one file, written by Spark as its stages end."""

    def __init__(self, folder: Path) -> None:
        """Keep it in a folder, which must be there."""
        self._folder = folder

    @property
    def settings(self) -> dict[str, str]:
        """What makes Spark write it."""
        return {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self._folder.as_uri(),
            "spark.eventLog.rolling.enabled": "false",
            "spark.eventLog.compress": "false",
        }

    def profiles(self, spans: dict[str, list[tuple[float, float]]]) -> dict[str, Profile]:
        """Return the median profile of each entry, of which every run began and ended at two moments."""
        time.sleep(_PATIENCE)
        events = list(self._events())
        jobs = [event["Submission Time"] / 1000 for event in events if event["Event"] == "SparkListenerJobStart"]
        tasks = [event for event in events if event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics")]
        return {
            name: Profile.median([_profile(jobs, tasks, began, ended) for began, ended in own])
            for name, own in spans.items()
        }

    def _events(self) -> Iterator[dict[str, Any]]:
        newest = max(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for line in newest.read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):  # the last may be half written
                yield json.loads(line)


def _profile(jobs: Sequence[float], tasks: Sequence[dict[str, Any]], began: float, ended: float) -> Profile:
    own = [task["Task Metrics"] for task in tasks if began <= task["Task Info"]["Launch Time"] / 1000 <= ended]
    return Profile(
        jobs=sum(began <= job <= ended for job in jobs),
        tasks=len(own),
        running=sum(task["Executor Run Time"] for task in own) / 1e3,
        on_cpu=sum(task["Executor CPU Time"] for task in own) / 1e9,
        gc=sum(task["JVM GC Time"] for task in own) / 1e3,
    )
