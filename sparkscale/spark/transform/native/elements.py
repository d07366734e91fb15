"""Maps of the elements of an array as Spark expressions.

One expression over the element and its position serves maps of one form: their parameters are arrays of constants.
Other maps have no native form here: of 768 expressions, one for each position, Spark needs a minute to make a plan.
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
from sparkscale.spark.transform.native.base import Form
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
        """Whether one expression says the maps of all elements."""
        return isinstance(map_, Elements) and all(is_said(_family(maps)[0]) for maps in _layers(map_.maps))

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Return the array of results."""
        assert x.array is not None  # noqa: S101 - it is a map of arrays
        array, inline = x.array, _Inline(stages.layers, sail=stages.sail)
        for maps in _layers(self.map.maps):
            array = stages.keep(_mapped(array, maps, inline))
        return [array]


def _mapped(array: SparkColumn, maps: Sequence[ColumnMap], inline: Stages) -> SparkColumn:
    """Map every element by one expression, which finds the parameters of its position in constants."""
    family, back = _family(maps)
    arrays = {name: F.lit(term.tolist()) for name, term in differing(family, back=back).items()}
    if not arrays:
        return F.transform(array, lambda x: say_part(family, x, {}, inline, back=back))

    def one(x: SparkColumn, place: SparkColumn) -> SparkColumn:
        return say_part(family, x, {name: F.get(held, place) for name, held in arrays.items()}, inline, back=back)

    return F.transform(array, one)


def _family(maps: Sequence[ColumnMap]) -> tuple[Family, bool]:
    """Return the family of maps, and whether it is applied backwards."""
    forward = [map_.map for map_ in maps if isinstance(map_, Inverse) and isinstance(map_.map, ColumnMap)]
    return family_of(forward or maps), bool(forward)


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
