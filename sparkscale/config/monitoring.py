"""What a job checks of its statistics, and where it writes what it measured: `expect`, `drift`, `metrics`.

Measures and expectations are imported by the sections that need them: a command on a job without these starts sooner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from sparkscale.config.strict import Strict
from sparkscale.errors import nearest_or_all

if TYPE_CHECKING:
    from sparkscale.monitor.expectations import Expectation
    from sparkscale.monitor.thresholds import Limits

OnFail: TypeAlias = Literal["error", "warn"]


def _pattern(text: str) -> str:
    from sparkscale.monitor.thresholds import wrong_pattern

    for problem in wrong_pattern("", text):
        raise ValueError(f"{problem.cause.removeprefix(': ')} ({problem.hint})")
    return text


class _Measure:
    """The name of a drift measure that is registered when the job file is read."""

    @classmethod
    def check(cls, name: str) -> str:
        from sparkscale.monitor.measures.base import REGISTRY

        if name not in REGISTRY:
            raise ValueError(f"unknown measure {name!r:.80}; {nearest_or_all(name, REGISTRY)}")
        return name

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from sparkscale.monitor.measures.base import REGISTRY

        return {**handler(schema), "enum": list(REGISTRY)}


#: A column's name, a glob, or a regular expression between slashes.
Pattern: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
MeasureName: TypeAlias = Annotated[str, AfterValidator(_Measure.check), _Measure]


def _given(value: object) -> object:
    """Refuse null, which says nothing."""
    if value is None:
        raise ValueError("expected a value, found null; leave the key out")
    return value


class Bounds(Strict):
    """What a number has to be; all of its parts must hold."""

    ge: float | None = Field(None, description="At least this.")
    gt: float | None = Field(None, description="More than this.")
    le: float | None = Field(None, description="At most this.")
    lt: float | None = Field(None, description="Less than this.")
    eq: float | None = Field(None, description="Exactly this.")

    _given = field_validator("*", mode="before")(_given)

    @model_validator(mode="after")
    def _telling(self) -> Bounds:
        if not self.model_fields_set:
            raise ValueError("expected bounds such as {ge: 0, le: 1}, found none")
        return self

    @property
    def parts(self) -> Iterator[tuple[str, float]]:
        """The operators that are set, with their numbers."""
        numbers = ((name, getattr(self, name)) for name in type(self).model_fields)
        return ((name, number) for name, number in numbers if number is not None)


class Expect(Strict):
    """Rules over the statistics that a fit learns anyway: no scan is added. All violations are reported at once."""

    columns: Pattern | list[Pattern] = Field(
        "*",
        description="Features: names, globs, or /regular expressions/. One that matches no feature is an error.",
    )
    nulls: Bounds | None = Field(None, description="The share of nulls, 0 to 1.")
    nan: Bounds | None = Field(None, description="The share of NaN, 0 to 1.")
    infinite: Bounds | None = Field(None, description="The share of infinities, 0 to 1.")
    min: Bounds | None = Field(None, description="The least finite value.")
    max: Bounds | None = Field(None, description="The largest finite value.")
    mean: Bounds | None = Field(None, description="The mean of the finite values.")
    std: Bounds | None = Field(None, description="Their standard deviation (ddof 0).")
    constant: bool | None = Field(None, description="Whether all finite values are the same.")
    rows: Bounds | None = Field(None, description="The number of rows of the input; `columns` doesn't matter.")
    on_fail: OnFail = Field("error", description="error: exit 65, and nothing is published; warn: warn and go on.")

    _given = field_validator("*", mode="before")(_given)

    @model_validator(mode="after")
    def _one_rule(self) -> Expect:
        if not self.model_fields_set - {"columns", "on_fail"}:
            raise ValueError("expected a rule such as nulls: {le: 0.05}, found none")
        if self.columns == []:
            raise ValueError("columns: expected at least one name or pattern, found none")
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names and patterns of `columns`."""
        return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)

    @property
    def expectations(self) -> Iterator[Expectation]:
        """Everything that this expects, one by one."""
        from sparkscale.monitor.expectations import Expectation

        for name in ("rows", "nulls", "nan", "infinite", "min", "max", "mean", "std"):
            bounds: Bounds | None = getattr(self, name)
            for operator, bound in bounds.parts if bounds else ():
                yield Expectation(name, operator, bound, self.patterns, self.on_fail)
        if self.constant is not None:
            yield Expectation("constant", "eq", float(self.constant), self.patterns, self.on_fail)


class Baseline(Strict):
    """The artifact that drift is measured from."""

    path: str | None = Field(None, min_length=1, description="A folder of versions (default: the job's own artifact).")
    version: Annotated[int, Field(ge=1)] | Literal["newest", "promoted"] | None = Field(
        None,
        description="A number, newest or promoted (default: the promoted version, or the newest if none was promoted).",
    )


class Levels(Strict):
    """Thresholds of one measure. A key that is left out keeps its default."""

    warn: float | None = Field(None, ge=0, description="Above this: a warning. null: never.")
    error: float | None = Field(None, ge=0, description="Above this: an error. null: never.")

    @model_validator(mode="after")
    def _in_order(self) -> Levels:
        if self.warn is not None and self.error is not None and self.warn > self.error:
            raise ValueError(f"expected warn at most error, found warn {self.warn:g} and error {self.error:g}")
        return self


Thresholds: TypeAlias = dict[MeasureName, Levels | Literal["off"]]


class Drift(Strict):
    """Compares the statistics of a fit with those of a baseline, before anything is published or saved."""

    baseline: Baseline = Field(
        default_factory=lambda: Baseline.model_validate({}),
        description="What to compare with (default: the job's own artifact, before this run saves a version).",
    )
    thresholds: Thresholds = Field(
        default={},
        description="By measure: {warn, error} instead of its defaults, or off: measured, never a violation.",
    )
    columns: dict[Pattern, Thresholds] = Field(
        default={},
        description="By name or pattern of features: thresholds for these alone. The last pattern that matches counts.",
    )
    min_rows: int = Field(
        100, ge=0, description="With fewer rows, or finite values, on either side a feature is measured and not judged."
    )
    on_fail: OnFail = Field(
        "error",
        description="error: a measure above its error threshold ends the run with exit 65, and nothing is published or "
        "saved; warn: it's a warning.",
    )

    @property
    def limits(self) -> Limits:
        """The thresholds."""
        from sparkscale.monitor.thresholds import Limits

        by_pattern = {pattern: _plain(levels) for pattern, levels in self.columns.items()}
        return Limits(_plain(self.thresholds), by_pattern, self.min_rows)


def _plain(thresholds: Thresholds) -> dict[str, Any]:
    return {
        name: levels if isinstance(levels, str) else levels.model_dump(exclude_unset=True)
        for name, levels in thresholds.items()
    }


class Metrics(Strict):
    """Where a run appends what it measured: statistics, drift and expectations, one number a row, once per run id."""

    path: str = Field(min_length=1, description="A folder of Parquet files, or a Delta table.")
    format: Literal["parquet", "delta"] = Field("parquet", description="parquet adds a file for each run.")
