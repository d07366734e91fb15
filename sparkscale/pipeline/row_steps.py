"""Row steps: what they read beside their scores, which facts of a row they write, and their maps with their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sparkscale.errors import Problem
from sparkscale.maps import RowMap, SoftmaxMap
from sparkscale.maps.winners import Fact, Winners
from sparkscale.pipeline.application import Application, Mask
from sparkscale.pipeline.choosing import Table, missing
from sparkscale.pipeline.schema import Column, is_of, is_score_array
from sparkscale.scalers.base import RowStep, Step

if TYPE_CHECKING:
    from sparkscale.pipeline.planned import PlannedStep

#: The type of a mask.
MASK = "array<boolean>"


def beside(step: Step) -> tuple[str, ...]:
    """Return the names of the columns that a step reads beside those that it maps."""
    return step.beside if isinstance(step, RowStep) else ()


def facts(step: Step) -> Mapping[Fact, str]:
    """Return the facts that a step writes of each row, each with its column's name."""
    return step.facts if isinstance(step, RowStep) else {}


def label(step: Step) -> str | None:
    """Return the column of labels that a step learns from at a fit; None if it learns nothing."""
    return step.label if isinstance(step, RowStep) else None


def type_of(fact: Fact, element: str, *, over_array: bool) -> str:
    """Return the type of a fact: the name of a column, a place in an array, or a number."""
    if fact == "label":
        return "bigint" if over_array else "string"
    return element


def check(where: str, mapped: Sequence[Column], masks: Sequence[Column]) -> Iterator[Problem]:
    """Yield what is wrong with the mask of a step."""
    for mask in masks:
        if mapped and not is_score_array(mapped[0].type):
            yield Problem(
                "SCHEMA_TYPE",
                f"{where}: expected an array column of scores for mask {mask.name!r}, found column {mapped[0].name!r}, "
                f"which is {mapped[0].type}",
                "remove the mask; to leave a score of columns out, make it null and set nulls: mask",
            )
        if mask.type != MASK:
            yield Problem(
                "SCHEMA_TYPE",
                f"{where}: expected a mask of booleans, {MASK}, but column {mask.name!r} is {mask.type}",
                "name a column of booleans, one for each score, or cast it before this job",
            )


def check_label(where: str, step: Step, scores: Sequence[Column], table: Table) -> Iterator[Problem]:
    """Yield what is wrong with the labels that a step learns from."""
    name = label(step)
    if name is None:
        return
    column = table.schema.find(name)
    if column is None:
        problem = missing(name, table.schema, table.source)
        yield replace(problem, cause=f"{where}: temperature.fit: {problem.cause}")
        return
    over_array = any(is_score_array(score.type) for score in scores)
    wanted = "integers, the places of classes in the array" if over_array else "strings or integers, which name classes"
    if not (is_of(column.type, "integer") or (column.type == "string" and not over_array)):
        cause = f"{where}: expected labels that are {wanted}, but column {name!r} is {column.type}"
        yield Problem("SCHEMA_TYPE", cause, "name another column, or cast it before this job")
    elif column in scores:
        cause = f"{where}: expected labels beside the scores, but column {name!r} is one of the scores"
        yield Problem("SCHEMA_LABEL", cause, "leave it out of 'columns'")


def applications(planned: PlannedStep, map_: RowMap, number: int) -> Iterator[Application]:
    """Yield the map of a row step, then the facts that it writes."""
    mask = None
    if planned.beside and isinstance(map_, SoftmaxMap):
        mask = Mask(planned.beside[0], strict=map_.nulls == "null")
        map_ = replace(map_, nulls="mask")  # what takes no part is null by now
    whole = Application(
        map_, planned.mapped, planned.main, planned.step.dtype, planned.over_array, number=number, mask=mask
    )
    if planned.main:
        yield whole
    named = facts(planned.step)
    if named and isinstance(map_, SoftmaxMap):
        winners = Winners(map=map_, facts=tuple(named))
        yield replace(whole, map=winners, outputs=planned.outputs[len(planned.main) :])
