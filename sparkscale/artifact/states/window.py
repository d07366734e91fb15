"""The window: the newest partitions of the states, merged into the statistics of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkscale._version import __version__
from sparkscale.artifact.states import plans
from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.files import Files
from sparkscale.artifact.states.keys import Key, to_json
from sparkscale.artifact.states.source import digest
from sparkscale.errors import DataError
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.plan import Plan
from sparkscale.stats.column import EMPTY, ColumnStats

if TYPE_CHECKING:
    from sparkscale.artifact.states.merging import Parts


def window_of(state: State, keep: int | None) -> list[Key]:
    """Return the newest partitions that have rows, ascending."""
    if state.keys is None:
        return []
    return state.keys.newest([key for key, one in state.partitions.items() if one.rows and not one.dropped], keep)


def digest_of(state: State, window: Sequence[Key], planned: Plan) -> str:
    """Return what stands for the artifact of a window: what its partitions hold, and the pipeline."""
    known = (state.partitions[key] for key in window)
    return digest(plans.to_json(planned), [[to_json(one.key), one.fingerprint, one.reading, one.rows] for one in known])


def digest_in(provenance: Mapping[str, Any]) -> str | None:
    """Return the digest that the artifact of a window has in its provenance; None of any other artifact."""
    inputs = provenance.get("inputs")
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    states = first.get("states") if isinstance(first, dict) else None
    found = states.get("digest") if isinstance(states, dict) else None
    return found if isinstance(found, str) else None


def provenance(state: State, window: Sequence[Key], planned: Plan, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the artifact of a window says of its origin; equal windows give equal bytes."""
    assert state.keys is not None  # noqa: S101 - a window has keys
    ends = {"first": state.keys.named(window[0]), "last": state.keys.named(window[-1])} if window else {}
    known = {"by": state.keys.names, "partitions": len(window), **ends, "digest": digest_of(state, window, planned)}
    inputs = [{**about, "states": known}]
    return {"sparkscale": __version__, "numpy": np.__version__, "engine": "states", "inputs": inputs}


def merged(files: Files, state: State, window: Sequence[Key], features: Mapping[str, bool]) -> dict[str, ColumnStats]:
    """Return the statistics of features over a window; ``features`` says of which the quantiles are needed.

    Raises:
        DataError: (65) where a partition has no states of a feature, or a file is damaged.
    """
    if not window:
        return dict.fromkeys(features, EMPTY)
    sketched = {name for name, needed in features.items() if needed}
    return parts_of(files, state, window, features).merged(window, sketched=sketched)


def parts_of(files: Files, state: State, window: Sequence[Key], features: Mapping[str, bool]) -> Parts:
    """Read the states of features of some partitions."""
    from sparkscale.artifact.states.merging import Parts  # which imports pyarrow

    places = {key: state.features(state.partitions[key]) for key in window}
    lack = [
        (key, name) for key in window for name, need in features.items() if not _has(places[key], name, sketched=need)
    ]
    if lack:
        assert state.keys is not None  # noqa: S101 - a window has keys
        keys, names = (dict.fromkeys(found) for found in zip(*lack, strict=True))
        found = listed(map(state.keys.shown, keys), str)
        cause = f"expected states of {listed(names)} for each partition, found none for {found}"
        raise DataError("STATES_LACK", cause, "run `sparkscale update`, which reads them")
    parts = Parts(state, places, list(features))
    for name, block in files.blocks(state, parts.files).items():
        parts.add(name, block)
    return parts


def _has(places: Mapping[str, tuple[str, bool]], feature: str, *, sketched: bool) -> bool:
    return feature in places and places[feature][1] >= sketched
