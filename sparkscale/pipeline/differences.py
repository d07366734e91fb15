"""How the steps of two fitted pipelines differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from sparkscale.errors import shown
from sparkscale.pipeline.planned import PlannedStep


def first_difference(ours: Sequence[PlannedStep], theirs: Sequence[PlannedStep]) -> str:
    """Return the first difference of two pipelines in words, or an empty string where they are the same."""
    if len(ours) != len(theirs):
        return f"{len(ours)} and {len(theirs)} steps"
    return next((text for pair in enumerate(zip(ours, theirs, strict=True), 1) for text in _of_step(*pair)), "")


def of_weights(ours: str | None, theirs: str | None) -> str:
    """Return how two weights differ in words, or an empty string where they are the same."""
    return "" if ours == theirs else f"two weights: {_name(ours)} and {_name(theirs)}"


def _of_step(number: int, pair: tuple[PlannedStep, PlannedStep]) -> Iterator[str]:
    ours, theirs = (step.step.to_dict() for step in pair)
    for key in dict.fromkeys([*ours, *theirs]):  # the kind comes first: other kinds have other keys
        if ours.get(key) != theirs.get(key):
            yield f"two values of {key} in step {number}: {shown(ours.get(key))} and {shown(theirs.get(key))}"
    found = ([column.name for column in step.inputs] for step in pair)
    for position, (our, their) in enumerate(zip_longest(*found), 1):
        if our != their:
            yield f"two names of column {position} in step {number} ({ours['kind']}): {_name(our)} and {_name(their)}"
    for column, our, their in zip(pair[0].inputs, *(step.lengths for step in pair), strict=False):
        if our != their:
            yield f"two lengths of arrays {column.name!r} in step {number} ({ours['kind']}): {our:,} and {their:,}"


def _name(name: Any) -> str:
    return "none" if name is None else shown(name)
