"""What a weight asks of the steps of a pipeline, and of the merging of its parts."""

from __future__ import annotations

from collections.abc import Sequence

from sparkscale.errors import ConfigError, Problem, shown
from sparkscale.scalers.base import Scaler, Step


def of_steps(weight: object, steps: Sequence[Step]) -> str | None:
    """Return the name of the weight's column; raises :class:`ConfigError` if the steps cannot be weighted by it."""
    if weight is None:
        return None
    if not isinstance(weight, str) or not weight:
        cause = f"weight: expected the name of a column, found {shown(weight)}"
        raise ConfigError("CONFIG_VALUE", cause, "write Pipeline(steps, weight='w')")
    if problem := by_quantiles(steps) or by_groups(steps):
        raise ConfigError(problem.code, problem.cause, problem.hint)
    return weight


def by_groups(steps: Sequence[Step]) -> Problem | None:
    """Return the problem that some steps have statistics by group, which are not weighted."""
    found = [f"step {n} ({step.kind})" for n, step in enumerate(steps, 1) if isinstance(step, Scaler) and step.key]
    if not found:
        return None
    cause = f"weight: statistics by group are not weighted, but {' and '.join(found)} {_verb(found)} 'by'"
    return Problem("CONFIG_VALUE", cause, "leave out the weight, or 'by'")


def _verb(found: Sequence[str]) -> str:
    return "has" if len(found) == 1 else "have"


def by_quantiles(steps: Sequence[Step]) -> Problem | None:
    """Return the problem that some steps need quantiles, which are not weighted."""
    found = [f"step {number} ({step.kind})" for number, step in enumerate(steps, 1) if step.sketches]
    if not found:
        return None
    needing = f"{' and '.join(found)} {'needs' if len(found) == 1 else 'need'}"
    cause = f"weight: quantiles are not weighted, but {needing} them"
    return Problem("CONFIG_VALUE", cause, "leave out the weight, or use steps without quantiles, such as standard")
