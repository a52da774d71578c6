"""Features, label and weights in one column-major piece of the device's memory, for libraries that train on arrays.

On the CPU the arrays are numpy's. On a GPU they never leave it: XGBoost, CuPy, torch and JAX take them by the CUDA
array interface or DLPack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine import dtypes
from ..engine.errors import ConfigError, TypeMismatch
from ..engine.frame import DataFrame
from .features import Features
from .handoff import FloatName, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingArrays:
    """Views of one buffer.

    Attributes
    ----------
    X
        Features, shape (rows, columns), column-major; NaN for nulls.
    y, weight
        Label and weights, shape (rows,); None where there is no weight.
    names
        Of the columns of ``X``.
    ledger
        Bytes copied to make them, and bytes that crossed between host and device while the plan ran.
    """

    X: Any
    y: Any
    weight: Any
    names: tuple[str, ...]
    ledger: Ledger


def arrays(frame: DataFrame, features: Features, *, dtype: FloatName = "float32") -> TrainingArrays:
    """Run a frame's plan and return its features, label and weight as arrays in the memory of the session's device.

    Parameters
    ----------
    frame
        The training rows.
    features
        Its columns; numbers and bools only, label included.
    dtype
        ``float32``, in which XGBoost computes, or ``float64``.

    Raises
    ------
    ConfigError, TypeMismatch
        If a column is no number; encode it in the frame, or train with the estimators of this package.
    """
    if dtype not in ("float32", "float64"):
        raise ConfigError(f"dtype must be 'float32' or 'float64', not {dtype!r}")
    if features.categorical:
        raise TypeMismatch(
            f"feature {features.categorical[0]!r} is categorical, which arrays cannot hold; encode it in the frame "
            "(get_dummies), or fit an estimator, which encodes it"
        )
    chosen = frame[list(features.training_columns)]
    features.check_training(chosen.schema)
    session, before = frame.session, frame.session.device.account
    kind = dtypes.float32 if dtype == "float32" else dtypes.float64
    made, shared = session.matrix(chosen.plan, features.training_columns, kind)
    ledger = Ledger()
    for reason, size in shared.copied.items():
        ledger.add_copied(reason, size)
    after = session.device.account
    if before is not None and after is not None:
        moved = after.since(before)
        ledger.add_crossed(to_device=moved.to_device, to_host=moved.to_host)
    width = len(features.names)
    ledger.add_shared(made.nbytes)
    weight = None if features.weight is None else made[:, width + 1]
    return TrainingArrays(X=made[:, :width], y=made[:, width], weight=weight, names=features.names, ledger=ledger)
