"""Maps of the elements of an array as Spark expressions.

One expression over the element and its position serves maps of one form: their parameters are arrays of constants. An
expression for each of 768 positions takes several times as long. Maps without such a form have one expression each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import Chained, ColumnMap, Elements, Inverse, Map
from sparkscale.maps.by_group import family_of
from sparkscale.maps.family import Family
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import ColumnForm, Form, form_of
from sparkscale.spark.transform.native.by_group import differing, is_said, say_part
from sparkscale.spark.transform.native.scores import Scores


@dataclass
class _Inline(Stages):
    """Keeps nothing: an element is no column, and what is used more than once is said again."""

    def keep_all(self, columns: Sequence[SparkColumn]) -> list[SparkColumn]:
        """Return the columns as they are."""
        return list(columns)


class ElementsForm(Form[Elements], of=Elements):
    """The forms of the elements' maps. A chain has an array of its own behind each of its maps."""

    @classmethod
    def serves(cls, map_: Map) -> bool:
        """Whether every element's map has a native form."""
        return isinstance(map_, Elements) and all(form_of(part) is not None for part in map_.maps)

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Return the array of results."""
        assert x.array is not None  # noqa: S101 - it is a map of arrays
        array, inline = x.array, _Inline(stages.layers, sail=stages.sail)
        for maps in _layers(self.map.maps):
            array = stages.keep(_mapped(array, maps, inline))
        return [array]


def _mapped(array: SparkColumn, maps: Sequence[ColumnMap], inline: Stages) -> SparkColumn:
    forward = [map_.map for map_ in maps if isinstance(map_, Inverse) and isinstance(map_.map, ColumnMap)]
    family, back = family_of(forward or maps), bool(forward)
    if is_said(family):
        return _by_family(array, family, inline, back=back)
    made = [_said(map_, F.get(array, F.lit(place)), inline) for place, map_ in enumerate(maps)]
    return F.when(array.isNotNull(), F.array(*made))


def _by_family(array: SparkColumn, family: Family, inline: Stages, *, back: bool) -> SparkColumn:
    """Map every element by one expression, which finds the parameters of its position in constants."""
    arrays = {name: F.lit(term.tolist()) for name, term in differing(family, back=back).items()}
    if not arrays:
        return F.transform(array, lambda x: say_part(family, x, {}, inline, back=back))

    def one(x: SparkColumn, place: SparkColumn) -> SparkColumn:
        return say_part(family, x, {name: F.get(held, place) for name, held in arrays.items()}, inline, back=back)

    return F.transform(array, one)


def _said(map_: ColumnMap, x: SparkColumn, inline: Stages) -> SparkColumn:
    form = form_of(map_)
    assert isinstance(form, ColumnForm)  # noqa: S101 - `serves` has seen to it
    return form.along(x, inline)


def _layers(maps: Sequence[ColumnMap]) -> Iterator[Sequence[ColumnMap]]:
    """Yield the maps of all elements, one after another; chains of one length by their parts."""
    parts = [_parts(map_) for map_ in maps]
    if len(set(map(len, parts))) == 1:
        yield from zip(*parts, strict=True)
    else:
        yield maps


def _parts(map_: ColumnMap) -> Sequence[ColumnMap]:
    if isinstance(map_, Inverse) and isinstance(map_.map, Chained):
        return [Inverse(part) for part in reversed(map_.map.maps)]
    return map_.maps if isinstance(map_, Chained) else (map_,)
