"""Look up classes and methods of the JVM once: PySpark asks for the same few with every column that it builds.

Py4J searches every jar for a short name such as ``functions`` before it tries its imports, and copies all methods of
the class for each use of one. This was more than half of the time to plan a transform on classic Spark.
"""

from __future__ import annotations

from typing import Any, cast

from py4j.java_gateway import JavaClass, JavaMember
from pyspark.sql import SparkSession

from sparkscale.spark.session.session import is_connect

#: The names by which PySpark asks for what builds columns, and their classes.
_CLASSES = {
    "functions": "org.apache.spark.sql.functions",
    "org.apache.spark.sql.functions": "org.apache.spark.sql.functions",
    "PythonUtils": "org.apache.spark.api.python.PythonUtils",
    "PythonSQLUtils": "org.apache.spark.sql.api.python.PythonSQLUtils",
}


class _Known(JavaClass):  # type: ignore[misc]
    """A Java class whose methods are looked up once."""

    def __getattr__(self, name: str) -> Any:
        """Ask the JVM for a member, and keep a method: Python finds it as an attribute from then on."""
        member = super().__getattr__(name)
        if isinstance(member, JavaMember):
            setattr(self, name, member)
        return member


def look_up_once(spark: SparkSession) -> None:
    """Let a classic session keep what it has looked up; over Spark Connect there is nothing to look up."""
    if is_connect(spark):
        return
    known = vars(cast("Any", spark)._jvm)  # noqa: SLF001 - an attribute that is there needs no question to the JVM
    if not isinstance(known.get("functions"), _Known):
        known |= {name: _Known(of, known["_gateway_client"]) for name, of in _CLASSES.items()}
