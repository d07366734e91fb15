"""The job file, and the sections that say how it runs.

Scalers read their own steps (:mod:`sparkscale.config.steps`), so a new scaler changes nothing here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from sparkscale.config.data import Artifact, Input, Output
from sparkscale.config.monitoring import Drift, Expect, Metrics
from sparkscale.config.states import States
from sparkscale.config.steps import AnyStep, with_steps
from sparkscale.config.strict import Scalar, Strict
from sparkscale.errors import ConfigError, shown
from sparkscale.pipeline import weighting
from sparkscale.pipeline.schema_drift import Action, Policy
from sparkscale.pipeline.sketching import Sketch

T = TypeVar("T")


class SchemaDrift(Strict):
    """What `transform` does if a table differs from the table of the fit, by kind of difference."""

    extra: Action = Field(Policy.extra, description="Columns that the fit did not see. They pass through.")
    dropped: Action = Field(Policy.dropped, description="A column of the fit that no step reads is missing.")
    reordered: Action = Field(Policy.reordered, description="The columns are in another order.")
    case: Action = Field(
        Policy.case, description="A column's name differs in case. Unless error, the column is accepted."
    )
    widened: Action = Field(
        Policy.widened, description="The new type holds every value of the old one: int -> bigint, int -> double."
    )
    narrowed: Action = Field(
        Policy.narrowed, description="The old type holds every value of the new one: bigint -> int."
    )
    retyped: Action = Field(
        Policy.retyped, description="Neither type holds every value of the other: bigint -> double."
    )
    nullability: Action = Field(Policy.nullability, description="A column is no longer declared not null.")


class Statistics(Strict):
    """How the statistics are learned."""

    reproducible: bool = Field(
        default=True,
        description="Equal data in equal partitions give equal bits. false: faster on a cluster, "
        "but the last bits of mean and std may differ from run to run there.",
    )
    sketch: Sketch | None = Field(
        None,
        description="Which features get a quantile sketch. needed: those whose quantiles some step needs; all: "
        "every one, as drift measures need (default: all with `drift`, unless there is a weight; else needed).",
    )


class Spark(Strict):
    """The session that a job starts if none is running."""

    engine: Literal["auto", "spark", "sail"] = Field(
        "auto", description="auto: Spark if Java is installed, otherwise Sail."
    )
    app_name: str | None = Field(None, description="The name that Spark's UI shows (default: the job's name).")
    master: str | None = Field(None, description="As in spark-submit (default: local[*]).")
    remote: str | None = Field(None, description="A Spark Connect server, sc://host:port.")
    connect_timeout: float = Field(
        10,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that master or Spark Connect server have to answer.",
    )
    conf: dict[str, Scalar] = Field({}, description="Options of Spark, as with --conf in spark-submit.")


def _whole(value: object) -> object:
    """Refuse ``true`` and ``1.0``, which equal 1 in Python, as a version."""
    if type(value) is not int:
        raise ValueError(f"expected 1, found {shown(value)}")
    return value


class JobConfig(Strict):
    """A job file, version 1."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="Version of the job file format.")
    name: str = Field("sparkscale", min_length=1, description="The job's name; Spark's UI shows it too.")
    input: Input
    steps: list[AnyStep] = Field([], description="What is learned and applied, in this order.")
    weight: str | None = Field(
        None,
        min_length=1,
        description="A column of sample weights, 0 or more: mean and std are weighted by it, and rows of weight 0 "
        "count as absent. A pattern never chooses it as a feature. Not with steps that need quantiles.",
    )
    artifact: Artifact | None = None
    states: States | None = Field(None, description="Statistics by partition, for `sparkscale update`.")
    output: Output | None = None
    engine: Literal["auto", "native", "arrow", "pandas"] = Field(
        "auto",
        description="native: Spark's own expressions. arrow: NumPy in Python workers, by Arrow UDFs (Spark 4.1). "
        "pandas: the same by pandas UDFs. auto: the first one that the map and Spark support, "
        "but NumPy for a row step over more than 128 columns.",
    )
    schema_drift: Action | SchemaDrift = Field(
        default_factory=lambda: SchemaDrift.model_validate({}),
        description="One action for every kind of difference, or one for each kind.",
    )
    self_check: int = Field(
        1000, ge=0, le=2**31 - 1, description="Rows to compare with NumPy before publishing; 0 turns it off."
    )
    audit: bool = Field(
        default=False,
        description="Count the nulls, NaN, infinities, clipped and undefined values of each output, for the report and "
        "the manifest: in the pass that writes the output, which takes a third more time, or on Sail in a scan of its "
        "own.",
    )
    statistics: Statistics = Field(default_factory=lambda: Statistics.model_validate({}))
    expect: list[Expect] = Field([], description="What has to hold of the statistics, before anything is published.")
    drift: Drift | None = None
    metrics: Metrics | None = None
    spark: Spark = Field(default_factory=lambda: Spark.model_validate({}))

    @field_validator("weight")
    @classmethod
    def _no_quantiles(cls, weight: str | None, info: ValidationInfo) -> str | None:
        steps = info.data.get("steps", ())
        problem = weight and (weighting.by_quantiles(steps) or weighting.by_groups(steps))
        if problem:
            raise ValueError(f"{problem.cause.removeprefix('weight: ')}; {problem.hint}")
        return weight

    @field_validator("statistics")
    @classmethod
    def _no_sketches(cls, statistics: Statistics, info: ValidationInfo) -> Statistics:
        if statistics.sketch == "all" and info.data.get("weight"):
            raise ValueError("sketch: quantiles are not weighted; leave out the weight, or sketch: all")
        return statistics

    @field_validator("expect", "drift")
    @classmethod
    def _of_a_fit(cls, section: T, info: ValidationInfo) -> T:
        if section and info.data.get("steps") == []:
            raise ValueError("expected 'steps' to fit, found none; to apply an artifact learns no statistics to check")
        return section

    @field_validator("drift")
    @classmethod
    def _has_baseline(cls, drift: Drift | None, info: ValidationInfo) -> Drift | None:
        if drift is not None and drift.baseline.path is None and info.data.get("artifact", "wrong") is None:
            raise ValueError("expected 'baseline: {path: ...}', or an 'artifact' to compare with, found neither")
        return drift

    @property
    def sketch(self) -> Sketch:
        """Which features a fit sketches."""
        wanted = "all" if self.drift is not None and self.weight is None else "needed"
        return self.statistics.sketch or cast("Sketch", wanted)

    @property
    def policy(self) -> Policy:
        """What ``schema_drift`` says of each kind of difference."""
        if isinstance(self.schema_drift, str):
            return Policy.of(self.schema_drift)
        return Policy(**self.schema_drift.model_dump())

    def need(self, *sections: str) -> None:
        """Raise :class:`ConfigError` with the sections that a command needs and the file lacks."""
        missing = [name for name in sections if not getattr(self, name)]
        if missing:
            cause = f"the job file has no {' and no '.join(repr(name) for name in missing)}"
            hint = "add them" if len(missing) > 1 or "steps" in missing else "add it"
            hint += ", or apply a saved artifact with `sparkscale transform`" if "steps" in missing else ""
            raise ConfigError("CONFIG_MISSING", cause, hint)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the job file, for editors."""
    schema = with_steps(JobConfig.model_json_schema(by_alias=True, mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "sparkscale job file"}
