"""The drift measures, from their registry."""

from __future__ import annotations

from docpages.docstrings import markdown
from docpages.tables import table
from sparkscale.monitor import drift  # noqa: F401 - which defines the measures
from sparkscale.monitor.measures.base import REGISTRY

_NEEDS = {"rows": "counts", "values": "moments", "sketch": "a quantile sketch"}


def measures() -> str:
    """Return a table of the measures: definition, what each needs, and its default thresholds."""
    rows = [
        [f"`{name}`", _definition(one), _NEEDS[one.needs], _level(one.warn), _level(one.error)]
        for name, one in sorted(REGISTRY.items())
    ]
    return table(["measure", "definition", "needs", "warn above", "error above"], rows)


def _definition(measure: object) -> str:
    return " ".join(markdown(type(measure).__doc__ or "").split())


def _level(level: float | None) -> str:
    return "off" if level is None else f"{level:g}"
