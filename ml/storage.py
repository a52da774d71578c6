"""Fitted models as plain data and back: every class by name from a fixed list, nothing that can execute."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from .cores import BoostedCore, Core, LinearCore
from .errors import ModelFileError
from .estimators import ESTIMATORS, Estimator, Pipeline
from .features import Features
from .handoff import Ledger
from .linear.solution import LinearSolution
from .model import Model
from .persist import ModelState, array_from_bytes, array_to_bytes, load_state, save_state
from .preparation import FittedEncoder, NumericStep, Preparation
from .preprocessing.categories import Categories
from .preprocessing.impute import NumericFill
from .preprocessing.scale import Scaling
from .transformers import TRANSFORMERS, Transformer

KIND = "Model"
_STEP_CLASSES = {cls.__name__: cls for cls in (*TRANSFORMERS, *ESTIMATORS)}
_BOOSTER, _CLASSES = "booster.ubj", "classes.arrows"

Arrays = dict[str, npt.NDArray[Any]]


def save_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a directory; see `Model.save`."""
    preparation = model.preparation
    arrays: Arrays = {}
    files: dict[str, bytes] = {}
    for number, encoder in enumerate(preparation.encoders):
        files[_categories_file(number)] = array_to_bytes(encoder.categories.values)
    if model.classes is not None:
        files[_CLASSES] = array_to_bytes(model.classes)
    config = {
        "task": model.task,
        "rows": model.rows,
        "ledger": {"copied": model.ledger.copied, "shared": model.ledger.shared},
        "features": {
            "numeric": list(model.features.numeric),
            "categorical": list(model.features.categorical),
            "label": model.features.label,
            "weight": model.features.weight,
        },
        "pipeline": [_step_config(step) for step in model.pipeline.steps],
        "numeric_steps": [_numeric_step_config(n, step, arrays) for n, step in enumerate(preparation.steps)],
        "encoders": [_encoder_config(encoder) for encoder in preparation.encoders],
        "core": _core_config(model.core, arrays, files),
    }
    save_state(path, ModelState(kind=KIND, config=config, arrays=arrays, files=files))


def load(path: str | os.PathLike[str]) -> Model:
    """Load a model that `Model.save` wrote; nothing in it is executed.

    Parameters
    ----------
    path
        The model's directory.

    Raises
    ------
    ModelFileError
        When it is missing, changed since, of an unknown class, or written by a newer version.
    """
    state = load_state(path)
    if state.kind != KIND:
        raise ModelFileError(f"{path} holds a {state.kind!r}, which this Volley does not know")
    config = state.config
    try:
        core, dtype = _core(state)
        classes = array_from_bytes(state.files[_CLASSES]) if _CLASSES in state.files else None
        positive = classes[1].as_py() if classes is not None and len(classes) == 2 else None
        return Model(
            pipeline=Pipeline([_step(step) for step in config["pipeline"]]),
            preparation=Preparation(
                features=Features(**config["features"], positive=positive),
                steps=tuple(_numeric_step(n, name, state) for n, name in enumerate(config["numeric_steps"])),
                encoders=tuple(_encoder(n, encoder, state) for n, encoder in enumerate(config["encoders"])),
                dtype=dtype.dtype,
            ),
            core=core,
            task=config["task"],
            classes=classes,
            rows=config["rows"],
            ledger=Ledger(**config["ledger"]),
        )
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"{path} is not complete: {error}") from error


def _step_config(step: Transformer | Estimator) -> dict[str, Any]:
    config: dict[str, Any] = {"class": type(step).__name__}
    for entry in fields(step):
        value = getattr(step, entry.name)
        # JSON has no infinity, which LogisticRegression takes for C.
        config[entry.name] = "Infinity" if value == float("inf") else value
    return config


def _step(config: dict[str, Any]) -> Transformer | Estimator:
    options: dict[str, Any] = {name: float("inf") if value == "Infinity" else value for name, value in config.items()}
    name = options.pop("class")
    if name not in _STEP_CLASSES:
        raise ModelFileError(f"the model has a step {name!r}, which this Volley does not know")
    step: Transformer | Estimator = _STEP_CLASSES[name](**options)
    return step


def _numeric_step_config(number: int, step: NumericStep, arrays: Arrays) -> str:
    for entry in fields(step):
        arrays[f"step{number}.{entry.name}"] = getattr(step, entry.name)
    return "scale" if isinstance(step, Scaling) else "fill"


def _numeric_step(number: int, name: str, state: ModelState) -> NumericStep:
    if name == "scale":
        return Scaling(shift=state.arrays[f"step{number}.shift"], scale=state.arrays[f"step{number}.scale"])
    if name == "fill":
        return NumericFill(values=state.arrays[f"step{number}.values"])
    raise ModelFileError(f"the model has a preparation {name!r}, which this Volley does not know")


def _encoder_config(encoder: FittedEncoder) -> dict[str, Any]:
    categories = encoder.categories
    return {
        "name": categories.name,
        "has_null": categories.has_null,
        "null_as": categories.null_as,
        "one_hot": encoder.one_hot,
        "unknown": encoder.unknown,
    }


def _encoder(number: int, config: dict[str, Any], state: ModelState) -> FittedEncoder:
    categories = Categories(
        name=config["name"],
        values=array_from_bytes(state.files[_categories_file(number)]),
        has_null=config["has_null"],
        null_as=config["null_as"],
    )
    return FittedEncoder(categories=categories, one_hot=config["one_hot"], unknown=config["unknown"])


def _core_config(core: Core, arrays: Arrays, files: dict[str, bytes]) -> dict[str, Any]:
    if isinstance(core, BoostedCore):
        files[_BOOSTER] = core.raw
        return {"class": "boosted"}
    assert isinstance(core, LinearCore)
    arrays |= {"coef": core.solution.coef, "intercept": core.solution.intercept, "mean": core.mean}
    return {"class": "linear", "iterations": core.solution.iterations}


def _core(state: ModelState) -> tuple[Core, type[Core]]:
    config, task = state.config["core"], state.config["task"]
    if config["class"] == "boosted":
        return BoostedCore(task=task, raw=state.files[_BOOSTER]), BoostedCore
    if config["class"] == "linear":
        solution = LinearSolution(
            coef=state.arrays["coef"],
            intercept=np.asarray(state.arrays["intercept"]),
            iterations=config["iterations"],
        )
        return LinearCore(task=task, solution=solution, mean=state.arrays["mean"]), LinearCore
    raise ModelFileError(f"the model is of a class {config['class']!r}, which this Volley does not know")


def _categories_file(number: int) -> str:
    return f"categories{number}.arrows"
