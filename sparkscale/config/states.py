"""Statistics by partition that a job keeps, so that `sparkscale update` reads new and changed partitions alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sparkscale.config.strict import Strict
from sparkscale.errors import ConfigError
from sparkscale.stats.quantiles import K_OF_ERROR, k_of


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("expected each column once, found one twice")
    return names


def _offered(error: float) -> float:
    try:
        k_of(error)
    except ConfigError as wrong:
        raise ValueError(wrong.cause.removeprefix("quantile_error: ")) from wrong
    return error


class States(Strict):
    """Where a job keeps the statistics of its input's partitions, and which of them count."""

    path: str = Field(min_length=1, description="A folder of states, local or s3://, gs://, az://.")
    by: Annotated[list[Annotated[str, Field(min_length=1)]], AfterValidator(_each_once)] = Field(
        min_length=1,
        description="The columns that the input is partitioned by, all or some: text, whole numbers or dates.",
    )
    keep: int | None = Field(
        None, ge=1, description="How many of the newest partitions the artifact is of (default: all)."
    )
    missing: Literal["drop", "keep", "error"] = Field(
        "drop", description="What update does with states of partitions that are gone from the input."
    )
    quantile_error: Annotated[float, AfterValidator(_offered)] = Field(
        0.0027,
        description="The rank error of quantile sketches: 0.0027 (24 KB each) or 0.013 (5 KB each).",
        json_schema_extra={"enum": list(K_OF_ERROR)},
    )
