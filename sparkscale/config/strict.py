"""What all sections of a job file are: strict, with no unknown key and no silent conversion."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Scalar: TypeAlias = str | bool | int | float


class Strict(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
