"""Which features of a fit get a quantile sketch: those whose quantiles some step needs, or all."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from sparkscale.errors import ConfigError, shown
from sparkscale.pipeline.plan import Plan

Sketch: TypeAlias = Literal["needed", "all"]


def with_sketches(planned: Plan, sketch: Sketch) -> Plan:
    """Return a plan whose fit sketches what ``sketch`` says.

    Raises:
        ConfigError: (78) for ``all`` beside a weight, as quantiles are not weighted, or for another word.
    """
    if sketch not in ("needed", "all"):
        cause = f"sketch: expected 'needed' or 'all', found {shown(sketch)}"
        raise ConfigError("CONFIG_VALUE", cause, "'all' is what drift measures need")
    if sketch == "all" and planned.weight is not None:
        cause = "sketch: quantiles are not weighted, but the fit has a weight"
        raise ConfigError("CONFIG_VALUE", cause, "leave out the weight, or sketch: all")
    return replace(planned, sketch_all=True) if sketch == "all" else planned
