"""sparkscale: feature scaling and softmax for the data lake.

Importing this package imports neither pyspark nor pandas; what a name needs is imported with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparkscale._version import __version__

if TYPE_CHECKING:
    from sparkscale.artifact.store import load
    from sparkscale.errors import SchemaDriftWarning, SparkscaleError
    from sparkscale.pipeline.fitted import Fitted, merge
    from sparkscale.pipeline.pipeline import Pipeline
    from sparkscale.scalers.base import LogSoftmax, MaxAbs, MeanNorm, MinMax, Robust, Softmax, Standard, UnitNorm
    from sparkscale.stats.column import ColumnStats

_HOME = {
    "Fitted": "pipeline.fitted",
    "merge": "pipeline.fitted",
    "SchemaDriftWarning": "errors",
    "SparkscaleError": "errors",
    "Pipeline": "pipeline.pipeline",
    "LogSoftmax": "scalers.base",
    "MaxAbs": "scalers.base",
    "MeanNorm": "scalers.base",
    "MinMax": "scalers.base",
    "Robust": "scalers.base",
    "Softmax": "scalers.base",
    "Standard": "scalers.base",
    "UnitNorm": "scalers.base",
    "ColumnStats": "stats.column",
    "load": "artifact.store",
}

__all__ = [
    "ColumnStats",
    "Fitted",
    "LogSoftmax",
    "MaxAbs",
    "MeanNorm",
    "MinMax",
    "Pipeline",
    "Robust",
    "SchemaDriftWarning",
    "Softmax",
    "SparkscaleError",
    "Standard",
    "UnitNorm",
    "__version__",
    "load",
    "merge",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'sparkscale' has no attribute {name!r}")
    return getattr(importlib.import_module(f"sparkscale.{_HOME[name]}"), name)
