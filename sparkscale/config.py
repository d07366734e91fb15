"""The job file's models: strict, with no unknown key and no silent conversion.

The model of a step is made out of its scaler's own fields: a new scaler needs nothing here.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from sparkscale.errors import ConfigError
from sparkscale.scalers import REGISTRY, Step

Scalar: TypeAlias = str | bool | int | float
Mode: TypeAlias = Literal["error", "overwrite"]
FileFormat: TypeAlias = Literal["parquet", "csv", "json", "orc"]


class Strict(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Condition(Strict):
    """A predicate on one column; all of its parts hold together. ``null: false`` means "is not null"."""

    eq: Scalar | None = None
    ne: Scalar | None = None
    lt: Scalar | None = None
    le: Scalar | None = None
    gt: Scalar | None = None
    ge: Scalar | None = None
    is_in: list[Scalar] | None = Field(None, alias="in")
    null: bool | None = None

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
    return rule


Where: TypeAlias = dict[str, Annotated[Condition | list[Scalar] | Scalar, AfterValidator(_telling)]]


class Input(Strict):
    """What a job reads."""

    format: FileFormat
    path: str = Field(min_length=1, description="A file or folder.")
    table_schema: str | None = Field(
        None, alias="schema", description="Names and types, as in 'a double, b string'; else taken from the data."
    )
    where: Where = Field(default={}, description="Rows to keep: column: value, [values], or {ge: 1, lt: 7}.")
    options: dict[str, Scalar] = Field(default={}, description="Options of the reader, passed on.")


class Artifact(Strict):
    """Where the artifact of a fit lives."""

    path: str = Field(min_length=1, description="A folder of numbered versions, local or s3://, gs://, az://.")
    version: int | None = Field(None, ge=1, description="The version to apply; the newest by default.")


class Output(Strict):
    """What a job writes."""

    format: FileFormat
    path: str = Field(min_length=1)
    mode: Mode = Field("error", description="error: refuse an output that exists; overwrite: replace it when complete.")
    partition_by: list[str] = Field(default=[], description="Columns whose values make folders, as month=1.")
    options: dict[str, Scalar] = Field(default={}, description="Options of the writer, passed on.")


class Spark(Strict):
    """The session that a job starts where there is none."""

    engine: Literal["auto", "spark", "sail"] = Field("auto", description="auto: Spark where there is Java, else Sail.")
    app_name: str | None = None
    master: str | None = Field(None, description="As in spark-submit; local[*] by default.")
    remote: str | None = Field(None, description="A Spark Connect server, sc://host:port.")
    conf: dict[str, Scalar] = {}


def public(path: str) -> str:
    """Return a path without what may be a secret in it: the user part and the query of a URI."""
    scheme, found, rest = path.partition("://")
    if not found:
        return path
    host, slash, tail = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{tail.partition('?')[0]}"


def _build(model: Any) -> Step:
    values = {name: getattr(model, name) for name in type(model).model_fields if name != "kind"}
    return REGISTRY[model.kind](**values)


def _step_model(kind: str, cls: type[Step]) -> type[BaseModel]:
    """Make the model of one step's keys out of the scaler's own fields."""
    hints = get_type_hints(cls)
    keys: dict[str, Any] = {"kind": (Literal[kind], ...)}
    for item in fields(cls):
        required = item.name == "columns"
        type_ = Union[Selectors, list[Selectors]] if required else hints[item.name]  # noqa: UP007 - made at run time
        keys[item.name] = (type_, ... if required else item.default)
    return create_model(cls.__name__, __base__=Strict, __doc__=(cls.__doc__ or "").split("\n\n")[0], **keys)


class ByDtype(Strict):
    """Columns by dtype, less some."""

    dtype: Literal["numeric", "integer", "floating", "decimal"] = "numeric"
    but: list[str] = Field(default=[], alias="except")


def _selector(value: str | ByDtype) -> Any:
    return value if isinstance(value, str) else value.model_dump(by_alias=True)


Selectors = Annotated[str | ByDtype, AfterValidator(_selector)]
_MODELS = tuple(_step_model(kind, cls) for kind, cls in REGISTRY.items())
#: A step of any kind: validated by the model of its kind, then made into the scaler itself.
AnyStep: Any = Annotated[Annotated[Union[_MODELS], Field(discriminator="kind")], AfterValidator(_build)]  # noqa: UP007


def _whole(value: object) -> object:
    """Refuse ``true`` and ``1.0``, which equal 1 in Python, as a version."""
    if type(value) is not int:
        raise ValueError(f"expected 1, found {str(value).lower() if isinstance(value, bool) else value}")
    return value


class JobConfig(Strict):
    """A job file, version 1."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="Of the job file's own form.")
    name: str = Field("sparkscale", min_length=1)
    input: Input
    steps: list[AnyStep] = []
    artifact: Artifact | None = None
    output: Output | None = None
    engine: Literal["auto", "native", "pandas"] = "auto"
    verify: int = Field(
        1000, ge=0, le=2**31 - 1, description="Rows to check against the NumPy kernels before publishing; 0: none."
    )
    spark: Spark = Field(default_factory=lambda: Spark.model_validate({}))

    def need(self, *sections: str) -> None:
        """Raise :class:`ConfigError` naming the sections that a command needs and the file does not have."""
        missing = [name for name in sections if not getattr(self, name)]
        if missing:
            raise ConfigError(
                "CONFIG_MISSING", f"expected {' and '.join(repr(name) for name in missing)} in the job file, found none"
            )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the job file, for editors."""
    schema = JobConfig.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sparkscale job file", **schema}
