"""sparkscale: feature scaling and softmax for the data lake.

Importing this package imports neither pyspark nor pandas; what a name needs is imported with it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sparkscale._version import __version__

if TYPE_CHECKING:
    from sparkscale.artifact import Fitted, merge
    from sparkscale.errors import SchemaDriftWarning, SparkscaleError
    from sparkscale.pipeline import Pipeline
    from sparkscale.scalers import LogSoftmax, MaxAbs, MeanNorm, MinMax, Robust, Softmax, Standard, UnitNorm
    from sparkscale.stats import ColumnStats
    from sparkscale.store import load

_HOME = {
    "Fitted": "artifact",
    "merge": "artifact",
    "SchemaDriftWarning": "errors",
    "SparkscaleError": "errors",
    "Pipeline": "pipeline",
    "LogSoftmax": "scalers",
    "MaxAbs": "scalers",
    "MeanNorm": "scalers",
    "MinMax": "scalers",
    "Robust": "scalers",
    "Softmax": "scalers",
    "Standard": "scalers",
    "UnitNorm": "scalers",
    "ColumnStats": "stats",
    "load": "store",
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
