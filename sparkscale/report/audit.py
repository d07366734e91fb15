"""What a transform met in the data, as lines for people: one for each counter that is not 0 everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sparkscale.errors import counted
from sparkscale.pipeline.audit import COUNTERS, Audit
from sparkscale.pipeline.shown import printable

#: How many outputs a line names.
_NAMED = 4


def lines(audit: Audit, reported: Collection[str] = ()) -> Iterator[str]:
    """Yield the lines; the undefined rows of steps that are ``reported`` already, by their labels, are left out.

    An output of which more is counted comes first.
    """
    for counter, words in COUNTERS.items():
        found = [
            (one.counts.get(counter, 0), one.outputs)
            for one in audit.maps
            if counter != "undefined" or f"step {one.step} ({one.kind})" not in reported
        ]
        named = sorted((pair for pair in found if pair[0]), key=lambda pair: -pair[0])
        if named:
            rest = len(named) - _NAMED
            counts = [f"{count:,} in {_name(outputs)}" for count, outputs in named[:_NAMED]]
            counts += [f"some in {counted(rest, 'other output')}"] if rest > 0 else []
            yield f"audit: {words}: {', '.join(counts)} ({counted(audit.rows, 'row')})"


def _name(outputs: tuple[str, ...]) -> str:
    """Return the outputs of a step as one: the first and the last."""
    ends = outputs if len(outputs) == 1 else (outputs[0], outputs[-1])
    return printable("..".join(ends))
