"""What the fit of a temperature has found: the temperature, and how well calibrated the scores are by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from sparkscale.errors import DataError
from sparkscale.stats.losses import LabelledRows

#: Temperatures are sought between these powers of 2.
LOWEST, HIGHEST = 2.0**-14, 2.0**14


@dataclass(frozen=True)
class Calibration:
    """A temperature that was fitted to labels, with the losses before (at temperature 1) and after.

    Attributes:
        label: the column of labels.
        temperature: the one with the least mean negative log-likelihood.
        rows: how many rows were seen, and which were left out.
        nll_before: the mean negative log-likelihood of the labels at temperature 1, in nats.
        nll_after: the same at the fitted temperature.
        ece_before: the expected calibration error, 0 to 1, in 15 bins of equal width at temperature 1.
        ece_after: the same at the fitted temperature.
        bound: ``lower`` or ``upper`` if there is no best temperature, and it is that bound.
    """

    label: str
    temperature: float
    rows: LabelledRows
    nll_before: float
    nll_after: float
    ece_before: float
    ece_after: float
    bound: Literal["lower", "upper"] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what ``to_dict`` wrote; raises :class:`DataError` on anything else."""
        try:
            counts = {name: _count(value) for name, value in data["rows"].items()}
            found = cls(**{**data, "rows": LabelledRows(**counts)})
            found._check(set(counts))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError("ARTIFACT_INVALID", f"a calibration that cannot be: {error!r:.200}") from error
        return found

    def _check(self, counts: set[str]) -> None:
        errors = (self.nll_before, self.nll_after, self.ece_before, self.ece_after)
        numbers = all(type(x) is float and x >= 0 and math.isfinite(x) for x in (*errors, self.temperature))
        whole = counts == {item.name for item in fields(LabelledRows)} and self.rows.used > 0
        if not numbers or not whole or not LOWEST <= self.temperature <= HIGHEST:
            raise ValueError(self)
        if not isinstance(self.label, str) or self.bound not in (None, "lower", "upper"):
            raise ValueError(self)

    @property
    def summary(self) -> str:
        """The calibration in one line."""
        before, after = f"NLL {self.nll_before:.6g}, ECE {self.ece_before:.4g}", f"NLL {self.nll_after:.6g}"
        used = f"{self.rows.used:,} {'row' if self.rows.used == 1 else 'rows'} labelled by {self.label!r}"
        return (
            f"T = {self.temperature!r} from {used}: {before} at T = 1; "
            f"{after}, ECE {self.ece_after:.4g} at this T{self._left_out}"
        )

    @property
    def _left_out(self) -> str:
        kinds = {
            "without a label": self.rows.unlabelled,
            "with null scores": self.rows.nulls,
            "with NaN or infinite scores": self.rows.nonfinite,
        }
        found = [f"{count:,} {kind}" for kind, count in kinds.items() if count]
        return f"; rows left out: {', '.join(found)}" if found else ""

    @property
    def warning(self) -> str:
        """What to know of a temperature at a bound; an empty string for one that is the best."""
        if self.bound is None:
            return ""
        if self.bound == "lower":
            why = f"the score of {self.label!r} is the largest in every row, so the lower T, the better"
            way = "fit on rows that the model was not trained on, or set temperature to a number"
        else:
            why = f"the scores say nothing of {self.label!r}, or the opposite, so the higher T, the better"
            way = "check that the labels belong to these scores, or set temperature to a number"
        return f"the temperature is the {self.bound} bound, {self.temperature:g}: {why}; {way}"


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(f"expected a count, found {value!r:.80}")
    return value
