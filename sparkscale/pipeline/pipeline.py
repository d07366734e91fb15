"""Pipeline: the steps of a preprocessing, to be fitted on a DataFrame or on arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sparkscale._version import __version__
from sparkscale.errors import ConfigError
from sparkscale.maps import Bools, ColumnMap, Floats
from sparkscale.pipeline import arrays, elements, groups, row_steps, weighting
from sparkscale.pipeline.arguments import all_of, of_spark
from sparkscale.pipeline.elements import Cells
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.labelled import Labelled, with_labels
from sparkscale.pipeline.plan import plan
from sparkscale.pipeline.schema import Column
from sparkscale.pipeline.sketching import Sketch, with_sketches
from sparkscale.pipeline.solve import solve
from sparkscale.scalers.base import Scaler, Step
from sparkscale.scalers.learning import Ask
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.weights import checked

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Pipeline:
    """A list of steps. Each step reads the input's columns, never another step's output.

    ``weight`` names a column that weighs the rows of a fit: mean and std become those of ``numpy.average``, and rows of
    weight 0 count as absent. No pattern chooses that column as a feature; a step that names it scales it. A transform
    does not need it. Quantiles are not weighted: with a weight, steps that need them raise
    :class:`~sparkscale.errors.ConfigError`.

    >>> from sparkscale import MinMax, Softmax
    >>> data = {"x": np.array([10, 20, 30, 40]), "a": np.zeros(4), "b": np.zeros(4)}
    >>> fitted = Pipeline([MinMax("x"), Softmax(["a", "b"], into="p_{column}")]).fit_arrays(data)
    >>> fitted
    Fitted on 4 rows, 2 steps
      minmax: x: (x - 10.0) / 30.0
      softmax: a, b -> p_a, p_b: softmax(x)
    >>> fitted.transform_arrays(data)["p_a"]
    array([0.5, 0.5, 0.5, 0.5])
    """

    def __init__(self, steps: Iterable[Step], *, weight: str | None = None) -> None:
        self.steps = all_of(Step, steps, "steps", "Pipeline([Standard('x')])")
        for number, step in enumerate(self.steps, 1):
            if step.is_stage:
                cause = f"step {number} ({step.kind}): expected columns, found none"
                raise ConfigError("CONFIG_MISSING", cause, "only a stage of a chain has no columns")
        self.weight = weighting.of_steps(weight, self.steps)

    def fit(self, df: DataFrame, *, reproducible: bool = True, sketch: Sketch = "needed") -> Fitted:
        """Learn the statistics of a PySpark DataFrame and solve the steps' maps; the DataFrame is not changed.

        One scan; a second, narrow one only over columns whose mean is more than 100 times their std, or that
        hold NaN or infinities. A scaler that looks again takes one more for each round, shared by all of them.
        A temperature that is fitted to labels usually takes three scans of its scores, and at most eight.
        A weight takes one more scan, after one of the weights alone, which raises
        :class:`~sparkscale.errors.DataError` if a weight is null, NaN, infinite or negative.
        Nulls, NaN and infinities are left out and counted. Raises :class:`~sparkscale.errors.DataError`
        with all problems of the schema before any job runs, and for columns without a finite value.

        Equal data in equal partitions give equal bits. On a cluster that costs more than half of the fit's processor
        time; without ``reproducible`` the last bits of mean and std may differ from run to run there.

        ``sketch="all"`` adds a quantile sketch of every feature, for :meth:`Fitted.drift`.
        """
        from sparkscale.spark.fit import fitting

        return fitting.fit(of_spark(df), self.steps, weight=self.weight, reproducible=reproducible, sketch=sketch)

    def fit_arrays(self, columns: Mapping[str, ArrayLike], *, sketch: Sketch = "needed") -> Fitted:
        """Learn from a dict of arrays (see ``Fitted.transform_arrays``), with NumPy only; for ``sketch`` see `fit`."""
        table = arrays.table(columns)
        schema = with_labels(arrays.schema_of(table, self._arrays, self._keys(table)), table, self.steps)
        planned = with_sketches(plan(self.steps, schema, "the arrays", self.weight), sketch)
        weights = None if self.weight is None else _weights(table[self.weight], self.weight)
        planned, rows = elements.measured(table, planned, weights), _rows(table, weights)
        quantiles, cells = planned.quantile_features, elements.cells(table, planned.features, weights)
        stats = {name: _stats(cells[name], quantiles=name in quantiles) for name in planned.ungrouped}
        tables = {
            key: groups.measured(table, group.keys, {name: cells[name].pair for name in group.features}, quantiles)
            for key, group in planned.grouped.items()
        }
        stats |= groups.totals(tables.values())
        provenance = {"sparkscale": __version__, "numpy": np.__version__, "engine": "numpy", "inputs": []}

        def answer(asked: Sequence[tuple[str, Ask]]) -> list[ColumnStats]:
            return [_stats(_behind(ask.map, cells[name]), quantiles=ask.quantiles) for name, ask in asked]

        losses = Labelled.of(table, planned, weights).losses
        return solve(planned, stats, rows if stats else None, provenance, answer, losses=losses, tables=tables)

    def _keys(self, table: Mapping[str, Any]) -> dict[str, str]:
        """Return the types of the key columns that are object arrays, by their first value."""
        names = {name for step in self.steps if isinstance(step, Scaler) for name in step.key}
        plain = {name for name in names & set(table) if table[name].dtype == object and table[name].ndim == 1}
        return {name: groups.type_of_keys(table[name]) or "string" for name in plain}

    @property
    def _arrays(self) -> list[Column]:
        """The columns that can only be arrays: of a row step, its scores and its mask."""
        single = (step.selectors[0] for step in self.steps if step.by_row and len(step.selectors) == 1)
        masks = [Column((name,), row_steps.MASK) for step in self.steps for name in row_steps.beside(step)]
        return [*(Column((name,), "array<double>") for name in single if isinstance(name, str)), *masks]

    def __repr__(self) -> str:
        """Return the steps, and the weight."""
        weight = "" if self.weight is None else f", weight={self.weight!r}"
        return f"Pipeline([{', '.join(map(repr, self.steps))}]{weight})"


def _stats(cells: Cells, *, quantiles: bool) -> ColumnStats:
    values = np.ma.MaskedArray(cells.values, mask=cells.null)
    return ColumnStats.of(values, quantiles=quantiles, weights=cells.weights)


def _rows(table: Mapping[str, Any], weights: Floats | None) -> int:
    """Return how many rows the fit sees."""
    return len(next(iter(table.values()), ())) if weights is None else int(np.count_nonzero(weights))


def _weights(data: ArrayLike, name: str) -> Floats:
    values, null = arrays.split(data, f"column {name!r}")
    return checked(f"weight {name!r}", np.ma.MaskedArray(values, mask=null))


def behind(map_: ColumnMap, values: Floats, null: Bools) -> tuple[Floats, Bools]:
    """Return a column as a map leaves it."""
    y, absent = map_.apply(values[:, None], null[:, None])
    return y[:, 0], absent[:, 0]


def _behind(map_: ColumnMap, cells: Cells) -> Cells:
    values, null = behind(map_, cells.values, cells.null)
    return replace(cells, values=values, null=null)
