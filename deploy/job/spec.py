"""What a job file may say. One class per section; every field says what it means.

Knows names, types and ranges of single sections. What must hold between sections stands in ``load``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ...engine.errors import ConfigError

SourceFormat = Literal["parquet", "csv", "json", "ipc", "orc"]
OutputFormat = Literal["parquet", "csv", "ipc", "orc"]
Severity = Literal["error", "warn"]
ModelType = Literal["ridge", "logistic_regression", "gradient_boosting"]
PreprocessorType = Literal["simple_imputer", "standard_scaler", "one_hot_encoder", "ordinal_encoder"]
MetricName = Literal["auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "rmse", "mae", "r2"]
FairnessMetric = Literal["fpr", "fnr", "tpr", "tnr", "precision", "selection_rate", "accuracy", "auc"]
Scalar = str | int | float | bool | dt.date | dt.datetime

BUILT_IN_TABLES = ("train", "test", "scored", "explanations", "audit")
"""Tables that the job itself makes; a source or step may not take these names."""


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(f"{value!r} cannot be a name; use letters, digits and _, not starting with a digit")
    return value


def _own_table(value: str) -> str:
    if value in BUILT_IN_TABLES:
        raise ValueError(f"the name {value!r} is taken: the job itself makes a table called so")
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool | dt.date | dt.datetime):
        raise ValueError(f"expected a single value, got {value!r}")  # noqa: TRY004  # pydantic reports it
    return value


def _byte_size(value: object) -> object:
    """Accept ``4GiB``, ``500 MB`` or a number of bytes; give the number of bytes."""
    if not isinstance(value, str):
        return value
    from ...engine.frame.session import parse_bytes

    try:
        return parse_bytes(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _named_with_params(value: object) -> object:
    """Accept ``standard_scaler`` or ``simple_imputer: {strategy: median}`` as one preprocessing step."""
    if isinstance(value, str):
        return {"type": value}
    if isinstance(value, dict) and len(value) == 1 and "type" not in value:
        ((name, params),) = value.items()
        return {"type": name, "params": params}
    return value


Name = Annotated[str, AfterValidator(_identifier)]
TableName = Annotated[str, AfterValidator(_identifier), AfterValidator(_own_table)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
AnyScalar = Annotated[object, AfterValidator(_scalar)]
ByteSize = Annotated[int, Field(gt=0), BeforeValidator(_byte_size)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Params = dict[str, object]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not converted, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SessionSpec(Section):
    """Where the job runs and within which limits."""

    device: Literal["auto", "cpu", "gpu"] = Field(default="auto", description="Device of the operators")
    cluster: str | None = Field(
        default=None, description="Workers that run it: local:4, or a scheduler such as tcp://host:8786"
    )
    threads: int | None = Field(default=None, ge=1, description="Threads; all cores where absent")
    memory_limit: ByteSize | None = Field(default=None, description="Bytes, or a text such as 4GiB")
    spill_dir: str | None = Field(
        default=None, description="Folder for rows beyond memory_limit; that of temporary files where absent"
    )


class SourceSpec(Section):
    """One input: files of one format."""

    path: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_one_or_many)] = Field(
        description="A path, glob, directory or URL, or a list; relative to the job file"
    )
    format: SourceFormat | None = Field(default=None, description="Taken from the suffix where absent")
    options: Params = Field(default_factory=dict, description="Options of the reader")


class StepSpec(Section):
    """One transformation: a SQL text over earlier tables, or a Python function of frames."""

    name: TableName = Field(description="Name of the table that the step makes")
    sql: str | None = Field(default=None, description="A query over sources and earlier steps")
    python: str | None = Field(default=None, description="module:function, looked up beside the job file")
    inputs: Names | None = Field(default=None, description="Tables given to the function, in this order")
    view: bool = Field(
        default=False,
        description="Do not store the result; the tables that read it plan through it",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.sql is None) == (self.python is None):
            raise ValueError(f"step {self.name!r} needs exactly one of sql and python")
        if self.sql is not None and self.inputs is not None:
            raise ValueError("inputs belongs to python steps; a sql step names its tables in the query")
        if self.python is not None:
            if self.inputs is None:
                raise ValueError(f"step {self.name!r} needs inputs: the tables given to the function")
            if not re.fullmatch(r"[\w.]+:\w+", self.python):
                raise ValueError(f"expected module:function, got {self.python!r}")
        return self


class RangeRule(Section):
    """Values of a column lie within bounds, both inclusive; null passes."""

    column: str
    min: AnyScalar | None = None
    max: AnyScalar | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("range needs min, max or both")
        return self


class AcceptedRule(Section):
    """Values of a column belong to a list; null passes."""

    column: str
    values: Annotated[tuple[AnyScalar, ...], Field(min_length=1)]


class CountRule(Section):
    """The number of rows lies within bounds, both inclusive."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("row_count needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"row_count asks for at least {self.min} and at most {self.max} rows")
        return self


CHECK_KINDS = ("not_null", "unique", "range", "accepted", "row_count", "expect")


class QualityCheck(Section):
    """One thing that must hold of a table; exactly one of the kinds."""

    on: str = Field(description="The table")
    not_null: Names | None = Field(default=None, description="Columns without nulls")
    unique: Names | None = Field(default=None, description="Columns that together identify a row")
    range: RangeRule | None = None
    accepted: AcceptedRule | None = None
    row_count: CountRule | None = None
    expect: str | None = Field(default=None, description="A SQL condition; a row fails where it is false")
    max_failed: Fraction = Field(default=0.0, description="Fraction of rows that may fail")
    severity: Severity = Field(default="error", description="error stops the job, warn is reported")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in CHECK_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a check needs exactly one of {', '.join(CHECK_KINDS)}; found {found}")
        if given == ["row_count"] and self.max_failed:
            raise ValueError("max_failed has no meaning for row_count")
        return self

    @property
    def kind(self) -> str:
        """The kind that was given, one of ``CHECK_KINDS``."""
        return next(kind for kind in CHECK_KINDS if getattr(self, kind) is not None)


class SplitSpec(Section):
    """How the rows are divided into training and test."""

    table: str = Field(description="The table that is divided")
    test_size: float = Field(default=0.25, gt=0, lt=1, description="Fraction of rows in the test part")
    stratify: str | None = Field(default=None, description="Column whose distribution both parts keep")
    key: Names | None = Field(default=None, description="Columns that decide a row's part; all where absent")
    seed: int | None = Field(default=None, ge=0, description="The job's seed where absent")


class FeaturesSpec(Section):
    """Which columns the models read and what they learn."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    label: str
    positive: AnyScalar | None = Field(default=None, description="Positive class; the greater where absent")
    weight: str | None = None

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        used = [*self.numeric, *self.categorical]
        if not used:
            raise ValueError("features needs numeric or categorical columns")
        twice = sorted({name for name in used if used.count(name) > 1})
        if twice:
            raise ValueError(f"column {twice[0]!r} is listed twice in features")
        for role, name in (("label", self.label), ("weight", self.weight)):
            if name in used:
                raise ValueError(f"the {role} {name!r} is also listed as a feature; the model would see it")
        return self


class PreprocessorSpec(Section):
    """One preprocessing step of a model: its name alone, or ``name: {parameters}``."""

    type: PreprocessorType
    params: Params = Field(default_factory=dict)


class ModelSpec(Section):
    """One model to train."""

    type: ModelType
    preprocessing: tuple[Annotated[PreprocessorSpec, BeforeValidator(_named_with_params)], ...] = ()
    params: Params = Field(default_factory=dict, description="Parameters of the estimator")


class TrainSpec(Section):
    """Features shared by all models, and the models."""

    features: FeaturesSpec
    models: Annotated[dict[Name, ModelSpec], Field(min_length=1)]
    primary: str | None = Field(
        default=None, description="Model that predict, explain and fairness use; the last where absent"
    )


class MetricBound(Section):
    """A bound on a metric of the test part."""

    metric: MetricName
    model: str | None = Field(default=None, description="Every model where absent")
    min: float | None = None
    max: float | None = None
    severity: Severity = "error"

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"the bound on {self.metric} needs min, max or both")
        return self


class EvaluateSpec(Section):
    """Metrics on the test part, and bounds that fail the job."""

    metrics: Annotated[tuple[MetricName, ...], Field(min_length=1)] | None = Field(
        default=None, description="Those fitting the task where absent"
    )
    require: tuple[MetricBound, ...] = ()


class PredictSpec(Section):
    """Scored rows."""

    model: str | None = Field(default=None, description="The primary model where absent")
    table: str = Field(default="test", description="The table that is scored")


class ExplainSpec(Section):
    """How much each feature moved each prediction."""

    model: str | None = Field(default=None, description="The primary model where absent")
    method: Literal["auto", "linear", "tree"] = "auto"
    rows: int | None = Field(default=None, ge=1, description="Sample of the test part; all where absent")


class FairnessBound(Section):
    """A bound on how far apart the slices of one column may lie."""

    metric: FairnessMetric
    max_difference: float = Field(gt=0, le=1)
    severity: Severity = "warn"


class FairnessSpec(Section):
    """Metrics by slice of the test part, with intervals."""

    model: str | None = Field(default=None, description="The primary model where absent")
    by: Names
    intersections: int = Field(default=1, ge=1, le=4, description="Columns combined, at most")
    thresholds: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (0.5,)
    ci: Literal["bootstrap", "none"] = "bootstrap"
    n_boot: int = Field(default=1000, ge=1)
    min_count: int = Field(default=30, ge=1, description="Smaller slices get no metrics")
    require: tuple[FairnessBound, ...] = ()


class TableOutput(Section):
    """How one table is written."""

    format: OutputFormat = "parquet"
    partition_by: tuple[str, ...] = ()
    to: str | None = Field(default=None, description="A URL such as s3://bucket/people, instead of outputs.dir")
    storage_options: Params = Field(default_factory=dict, description="How to reach it, as fsspec takes it")

    @model_validator(mode="after")
    def _reached(self) -> Self:
        if self.to is not None and "://" not in self.to:
            raise ValueError(f"to needs a URL, not {self.to!r}; what has none is written into outputs.dir")
        if self.storage_options and self.to is None:
            raise ValueError("storage_options needs the URL that they are for: to")
        return self

    @model_validator(mode="after")
    def _partitioned_parquet(self) -> Self:
        if self.partition_by and self.format != "parquet":
            raise ValueError(f"partition_by needs format parquet, not {self.format}")
        return self


class OutputsSpec(Section):
    """What is kept, and where."""

    dir: str = Field(default="volley-out", description="Relative to the job file")
    tables: dict[str, TableOutput] = Field(default_factory=dict, description="Table -> how it is written")
    models: bool = Field(default=True, description="Keep the fitted models")
    report: bool = Field(default=True, description="Write report.html")


class JobSpec(Section):
    """A whole job."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    seed: int = Field(default=0, ge=0)
    session: SessionSpec = SessionSpec()
    sources: Annotated[dict[TableName, SourceSpec], Field(min_length=1)]
    steps: tuple[StepSpec, ...] = ()
    quality: tuple[QualityCheck, ...] = ()
    split: SplitSpec | None = None
    train: TrainSpec | None = None
    evaluate: EvaluateSpec | None = None
    predict: PredictSpec | None = None
    explain: ExplainSpec | None = None
    fairness: FairnessSpec | None = None
    outputs: OutputsSpec = OutputsSpec()
