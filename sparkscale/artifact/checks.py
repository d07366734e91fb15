"""Whether the parts of an artifact belong together: steps, columns, maps, statistics and what was seen behind maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sparkscale import maps
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import EVERY, Field, is_score_array
from sparkscale.scalers.base import Scaler
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.keys import DTYPES


def check_step(planned: PlannedStep, loaded: tuple[maps.Map, ...]) -> None:
    """Refuse maps, outputs or keys that are not those of the step."""
    wanted = 1 if planned.step.by_row else len(planned.main)
    if len(planned.keys) != len(planned.by) or any(column.type not in DTYPES for column in planned.keys):
        raise ValueError(f"keys {[column.name for column in planned.keys]!r:.80} of a step by {planned.by!r:.80}")
    if not planned.mapped or len(planned.main) != _width(planned) or len(loaded) != wanted:
        raise ValueError(f"{len(planned.inputs)} inputs, {len(planned.outputs)} outputs, {len(loaded)} maps")
    if any(map_.by_row != planned.step.by_row for map_ in loaded):
        raise ValueError(f"a map that is not one of step {planned.step.kind!r}")
    if planned.outputs[len(planned.main) :] != tuple(row_steps.facts(planned.step).values()):
        raise ValueError(f"outputs {list(planned.outputs)!r:.80} that are not those of step {planned.step.kind!r}")


def lengths(planned: PlannedStep, loaded: Sequence[maps.Map]) -> Iterator[tuple[str, int]]:
    """Yield the length of each array column by the number of its maps; raise if they are not those of its elements."""
    if not isinstance(planned.step, Scaler):
        return
    for column, map_ in zip(planned.inputs, loaded, strict=False):
        over = map_.over if isinstance(map_, maps.Elements) else None
        if over != (planned.step.over if is_score_array(column.type) else None):
            raise ValueError(f"a map of {column.name!r:.80}, which is {column.type!r:.80}, that is not of its elements")
        if isinstance(map_, maps.Elements):
            yield column.name, len(map_.maps)


def by_row(steps: Iterable[PlannedStep], stats: Mapping[str, ColumnStats]) -> dict[str, ColumnStats]:
    """Return the statistics without those of all elements of arrays, which do not count rows."""
    every = {column.name for step in steps for own in step.features for column in own if column.position == EVERY}
    return {name: known for name, known in stats.items() if name not in every}


def _width(planned: PlannedStep) -> int:
    """Return how many main outputs a step has: none where it only writes facts of its rows."""
    if row_steps.facts(planned.step) and planned.step.into is None:
        return 0
    return len(planned.mapped) + sum(len(planned.step.extra_outputs(column.name)) for column in planned.mapped)


def check_inputs(steps: Iterable[PlannedStep], columns: Sequence[Field]) -> None:
    """Refuse steps that read columns that the table lacks, or has with another type."""
    known = {column.name for column in columns}
    types = {((column.name,), column.type) for column in columns}
    for column in (column for planned in steps for column in planned.read):
        if column.path[0] not in known or not (column.nested or (column.path, column.type) in types):
            raise ValueError(f"a step that reads {column.name!r:.80}, which is not among the columns")


def check_rows(rows: object, stats: Mapping[str, ColumnStats], calibrations: Mapping[int, Calibration]) -> None:
    """Refuse what is no number of rows, or not the one of all statistics."""
    if not (rows is None or (type(rows) is int and 0 <= rows < 2**63)):
        raise ValueError(f"rows {rows!r}")
    known = [*(one.rows for one in stats.values()), *(one.rows.rows for one in calibrations.values())]
    if any(number != rows for number in known):
        raise ValueError(f"statistics of another number of rows than {rows}")


def check_stats(steps: Iterable[PlannedStep], stats: Mapping[str, ColumnStats], weight: str | None) -> None:
    """Refuse statistics that are not those of the steps' features, or not weighted as the fit was."""
    features = {column.name for planned in steps for own in planned.features for column in own}
    if features != set(stats):
        raise ValueError(f"steps that need statistics of {sorted(features)}, and statistics of {sorted(stats)}")
    if any((known.weights is None) != (weight is None) for known in stats.values()):
        raise ValueError(f"weight {weight!r:.80}, and statistics of which some are not weighted so")


def alike(one: ColumnStats, other: ColumnStats) -> bool:
    """Whether two statistics can be of the same rows."""
    return one.rows == other.rows and (one.weights is None) == (other.weights is None)
