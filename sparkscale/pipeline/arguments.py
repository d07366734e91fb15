"""What a caller gives: refused by its type, with what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from sparkscale.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

T = TypeVar("T")


def all_of(kind: type[T], items: Iterable[T], what: str, example: str) -> tuple[T, ...]:
    """Return the items as a tuple; raises :class:`ConfigError` where they are no list of that kind."""
    found = tuple(items) if isinstance(items, Iterable) else items
    odd = [item for item in found if not isinstance(item, kind)] if isinstance(found, tuple) else [found]
    if odd:
        found_ = f"one {type(items).__name__}" if isinstance(items, kind) else f"{odd[0]!r:.200}"
        cause = f"{what}: expected a list of {kind.__name__} objects, found {found_}"
        raise ConfigError("CONFIG_VALUE", cause, f"write {example}")
    return found


def of_spark(df: DataFrame) -> DataFrame:
    """Refuse what is no PySpark DataFrame, which has a session; PySpark itself is not imported here."""
    if hasattr(type(df), "sparkSession"):
        return df
    package = type(df).__module__.partition(".")[0]
    found = f"a {type(df).__name__}" if package == "builtins" else f"a {package} {type(df).__name__}"
    hint = "use spark.createDataFrame(data), or fit_arrays and transform_arrays for a dict of arrays"
    raise ConfigError("CONFIG_VALUE", f"expected a PySpark DataFrame, found {found}", hint)
