"""What an update did, for machines and for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sparkscale.pipeline.choosing import listed
from sparkscale.report.tables import Report
from sparkscale.report.words import counted


@dataclass
class UpdateReport(Report):
    """The summary of an update.

    ``partitions`` holds the keys that were ``read``, how many of the window were ``kept`` as they are, the keys that
    were ``dropped``, and those that were read for new ``columns`` alone (``extended``).
    """

    partitions: dict[str, Any] = field(
        default_factory=lambda: {"read": [], "kept": 0, "dropped": [], "extended": [], "columns": []}
    )

    def lines(self) -> Iterator[str]:
        """Yield the summary for people."""
        known = self.partitions
        counts = [f"{counted(len(known['read']), 'partition')} read", f"{known['kept']:,} kept"]
        if known["extended"]:
            columns = listed(known["columns"])
            counts.append(f"{counted(len(known['extended']), 'partition')} read for new columns ({columns})")
        if known["dropped"]:
            counts.append(f"{len(known['dropped']):,} dropped ({listed(known['dropped'], _key)})")
        yield f"states: {', '.join(counts)}"
        yield from self._temperatures()
        yield from self._checks()
        if self.status == "refused":
            return
        if self.status == "unchanged":
            yield f"unchanged: version {self.artifact['version']} already holds the newest states"
            return
        if self.artifact:
            yield self._version
        yield f"{self._took}, {counted(self.rows or 0, 'row')}, run {self.run_id}"


def _key(key: dict[str, Any]) -> str:
    return "/".join(f"{name}={value}" for name, value in key.items())
