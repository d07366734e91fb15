"""sparkscale: feature scaling and softmax for the data lake.

Importing this package imports neither pyspark nor pandas; what a name needs is imported with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparkscale._version import __version__

if TYPE_CHECKING:
    from sparkscale.artifact.listing import versions
    from sparkscale.artifact.promoting import promote, rollback
    from sparkscale.artifact.states.states import States
    from sparkscale.artifact.store import load
    from sparkscale.errors import InverseWarning, SchemaDriftWarning, SparkscaleError
    from sparkscale.pipeline.fitted import Fitted
    from sparkscale.pipeline.merge import merge
    from sparkscale.pipeline.pipeline import Pipeline
    from sparkscale.scalers.chain import Chain
    from sparkscale.scalers.clip import Clip
    from sparkscale.scalers.impute import Impute
    from sparkscale.scalers.logs import Asinh, Log1p
    from sparkscale.scalers.maxabs import MaxAbs
    from sparkscale.scalers.mean_norm import MeanNorm
    from sparkscale.scalers.minmax import MinMax
    from sparkscale.scalers.power import Power
    from sparkscale.scalers.quantile import Quantile
    from sparkscale.scalers.robust import Robust
    from sparkscale.scalers.softmax import LogSoftmax, Softmax
    from sparkscale.scalers.standard import Standard
    from sparkscale.scalers.unit_norm import UnitNorm
    from sparkscale.stats.column import ColumnStats

#: Where public names are. Scalers are not listed: their registry has them.
_HOME = {
    "Fitted": "pipeline.fitted",
    "merge": "pipeline.merge",
    "InverseWarning": "errors",
    "SchemaDriftWarning": "errors",
    "SparkscaleError": "errors",
    "Pipeline": "pipeline.pipeline",
    "ColumnStats": "stats.column",
    "States": "artifact.states.states",
    "load": "artifact.store",
    "promote": "artifact.promoting",
    "rollback": "artifact.promoting",
    "versions": "artifact.listing",
}

__all__ = [
    "Asinh",
    "Chain",
    "Clip",
    "ColumnStats",
    "Fitted",
    "Impute",
    "InverseWarning",
    "Log1p",
    "LogSoftmax",
    "MaxAbs",
    "MeanNorm",
    "MinMax",
    "Pipeline",
    "Power",
    "Quantile",
    "Robust",
    "SchemaDriftWarning",
    "Softmax",
    "SparkscaleError",
    "Standard",
    "States",
    "UnitNorm",
    "__version__",
    "load",
    "merge",
    "promote",
    "rollback",
    "versions",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(f"sparkscale.{_HOME[name]}"), name)
    if name[:1].isupper():  # only then: modules are asked for while they are imported
        scalers = importlib.import_module("sparkscale.scalers.base").REGISTRY.values()
        for scaler in (scaler for scaler in scalers if scaler.__name__ == name):
            return scaler
    raise AttributeError(f"module 'sparkscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names too, so that a notebook completes them before they are imported."""
    return sorted({*globals(), *__all__})
