r"""Regular expressions of an engine: Java's on Spark, Rust's on Sail.

Java's `$` also matches before a line's end that ends the text, so ``1\n`` would be a number. Rust's doesn't. `\z` is
the end of the text in both. Python matches whole texts by ``re.fullmatch``.
"""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F


def matches(text: SparkColumn, form: str) -> SparkColumn:
    """Say whether a whole text has a form, a pattern without `^` and `$`; null for null."""
    return text.rlike(rf"^(?:{form})\z")


def without_end(text: SparkColumn, form: str) -> SparkColumn:
    """Return a text without what has this form at its end."""
    return F.regexp_replace(text, rf"(?:{form})\z", "")
