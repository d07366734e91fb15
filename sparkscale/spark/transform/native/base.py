"""The base of native forms, and which map has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pyspark.sql import Column as SparkColumn
from pyspark.sql import SparkSession

from sparkscale.maps import Chained, ColumnMap, Elements, Inverse, Map, RowMap
from sparkscale.pipeline.application import Application
from sparkscale.spark.columns import feature
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.masks import staged_scores
from sparkscale.spark.transform.native.scores import Scores

AnyMap = TypeVar("AnyMap", bound=Map)
AnyColumnMap = TypeVar("AnyColumnMap", bound=ColumnMap)
AnyRowMap = TypeVar("AnyRowMap", bound=RowMap)

#: The native form of each kind of map that has one; filled by defining a class with ``of=``.
FORMS: dict[type[Map], type[Form[Any]]] = {}


@dataclass(frozen=True)
class Form(Generic[AnyMap]):
    """A map as Spark expressions."""

    map: AnyMap

    def __init_subclass__(cls, of: type[Map] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if of is not None:
            FORMS[of] = cls

    @classmethod
    def serves(cls, map_: Map) -> bool:  # noqa: ARG003 - most forms say every map of their kind
        """Whether the form can say this map."""
        return True

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Return the results of the map over cells or an array, in double precision."""
        raise NotImplementedError

    def undefined(self, array: SparkColumn) -> SparkColumn | None:  # noqa: ARG002 - most maps are defined everywhere
        """Return whether the map is undefined for the scores of a row, for the report; None if it never is."""
        return None


class ColumnForm(Form[AnyColumnMap]):
    """A column map as Spark expressions; null in, null out."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say the map's ``forward``."""
        raise NotImplementedError

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say the map's ``inverse``."""
        raise NotImplementedError

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Return the one result."""
        return [self.along(x.cells[0], stages)]

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:  # noqa: ARG002 - one expression
        """Say the map's ``forward``; what is used more than once may go into ``stages``."""
        return self.forward(x)

    def back(self, y: SparkColumn, stages: Stages) -> SparkColumn:  # noqa: ARG002 - one expression
        """Say the map's ``inverse``; what is used more than once may go into ``stages``."""
        return self.inverse(y)


class RowForm(Form[AnyRowMap]):
    """A row map as Spark expressions, said once over :class:`Scores`: columns, or the elements of an array."""

    def forward(self, x: Scores, stages: Stages) -> Scores:
        """Say the map's ``forward``; what is used more than once goes into ``stages``."""
        raise NotImplementedError

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Return the results: a column for each cell, or the array."""
        return self.forward(x if x.array is not None else x.keep(stages), stages).columns


class _InverseForm(ColumnForm[Inverse]):
    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        form = form_of(self.map.map)
        assert isinstance(form, ColumnForm)  # noqa: S101 - `form_of` has seen to it
        return form.back(x, stages)


class _ChainedForm(ColumnForm[Chained]):
    """The forms of the maps, each over a column of its own: no expression is repeated in the next."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        for form in self._forms:
            x = stages.keep(form.along(x, stages))
        return x

    def back(self, y: SparkColumn, stages: Stages) -> SparkColumn:
        for form in reversed(self._forms):
            y = stages.keep(form.back(y, stages))
        return y

    @property
    def _forms(self) -> list[ColumnForm[Any]]:
        forms = [form_of(map_) for map_ in self.map.maps]
        return [form for form in forms if isinstance(form, ColumnForm)]


def form_of(map_: Map) -> Form[Any] | None:
    """Return a map's native form, or None."""
    if isinstance(map_, Inverse) and isinstance(map_.map, Elements):
        return form_of(map_.map.backwards)
    if isinstance(map_, Inverse):
        return None if form_of(map_.map) is None else _InverseForm(map_)
    if isinstance(map_, Chained):
        return None if any(form_of(part) is None for part in map_.maps) else _ChainedForm(map_)
    form = FORMS.get(type(map_))
    return form(map_) if form is not None and form.serves(map_) else None


def columns_of(item: Application, spark: SparkSession, stages: Stages) -> list[SparkColumn]:
    """Return the output columns of an application of a map that has a native form."""
    form = form_of(item.map)
    assert form is not None  # noqa: S101 - the engine was chosen by it
    if item.over_array:
        return form.over(Scores(array=staged_scores(item, spark, stages)), stages)
    return form.over(Scores(tuple(feature(column, spark) for column in item.inputs)), stages)
