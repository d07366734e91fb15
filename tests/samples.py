"""What several test modules start from: the scripts of `scripts/`, which is no package, and a fit of every kind of step."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.pipeline.fitted import Fitted
from sparkscale.scalers.base import REGISTRY, Step

#: By kind, the fields that a step cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "clip": {"limits": [-1.5, 1e6]},
    "chain": {"chain": [{"kind": "impute", "value": 1.0}, {"kind": "standard"}]},
}
#: The same, and what lets a step take any value.
TOLERANT = NEEDED | {"log1p": {"undefined": "null"}}
#: The kinds whose questions depend on the data: parts of a table cannot be merged.
UNMERGED = ("power",)
#: The kinds that solve to an affine map.
AFFINE = ("standard", "minmax", "maxabs", "robust", "mean_norm")

ROOT = Path(__file__).parent.parent


def script(name: str) -> ModuleType:
    """Import scripts/NAME.py, once."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES = ["a", "ü.`b` ", "emoji 🚀", "\n"]


def step(kind: str, columns: Any, **fields: Any) -> Step:
    """Return a step of a kind; what it needs and is not given is an example's."""
    return REGISTRY[kind](columns, **TOLERANT.get(kind, {}) | fields)


def fitted(seed: int = 0) -> Fitted:
    """Return every kind of step, fitted on four columns, one without a number."""
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {name: rng.normal(7, 3, 50) for name in NAMES} | {"none": np.full(50, np.nan)}
    kinds = ["standard", *(kind for kind in REGISTRY if kind != "standard")]  # first a step that has an affine map
    steps: list[Any] = [step(kind, NAMES[:2], into=f"{kind}_{{column}}") for kind in kinds]
    steps += [ss.MinMax(NAMES[2:], range=(-1, 3), clip=True), ss.Standard("none", empty="null", ddof=1)]
    return ss.Pipeline(steps).fit_arrays(data)
