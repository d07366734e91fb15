"""The conditions of `input.where`, as a job file has them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field

from sparkscale.config.strict import Scalar, Strict


class Condition(Strict):
    """A predicate on one column; all of its parts must hold.

    A null or NaN satisfies no comparison, not even ``ne``. ``null: true`` and ``nan: true`` ask for them;
    ``null: false`` and ``nan: false`` leave them out.
    """

    eq: Scalar | None = Field(None, description="Equal to this value.")
    ne: Scalar | None = Field(None, description="Not equal to this value.")
    lt: Scalar | None = Field(None, description="Less than this value.")
    le: Scalar | None = Field(None, description="At most this value.")
    gt: Scalar | None = Field(None, description="More than this value.")
    ge: Scalar | None = Field(None, description="At least this value.")
    is_in: list[Scalar] | None = Field(None, alias="in", description="One of these values.")
    null: bool | None = Field(None, description="Whether the value is null.")
    nan: bool | None = Field(None, description="Of a float or double column: whether the value is NaN.")

    @property
    def parts(self) -> dict[str, Any]:
        """The operators that are set, with their values."""
        return self.model_dump(exclude_none=True, by_alias=True)


def _telling(rule: Condition | list[Scalar] | Scalar) -> Condition | list[Scalar] | Scalar:
    """Refuse a condition that would keep every row: one of no parts, or with null, which equals nothing in SQL."""
    if isinstance(rule, Condition) and (
        not rule.model_fields_set or any(getattr(rule, name) is None for name in rule.model_fields_set)
    ):
        raise ValueError("expected a condition such as {ge: 1}, found none; for nulls, write {null: true}")
    if isinstance(rule, Condition) and rule.nan:
        others = [name for name, value in rule.parts.items() if name != "nan" and (name, value) != ("null", False)]
        if others:
            raise ValueError(f"nan: true keeps only NaN, which never satisfies {others[0]!r}; remove one of them")
    return rule


Where: TypeAlias = dict[str, Annotated[Condition | list[Scalar] | Scalar, AfterValidator(_telling)]]
