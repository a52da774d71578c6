"""What the parts of a running job share: the job, its tables, its workspace, its fitted models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .load import Job
from .spec import FeaturesSpec
from .tables import TABLE_FILE, Tables, write
from .workspace import Workspace

if TYPE_CHECKING:
    from ... import ml
    from ...engine.frame import DataFrame

MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """One run of one job."""

    job: Job
    workspace: Workspace
    tables: Tables

    def store(self, frame: DataFrame, folder: Path) -> int:
        """Run a frame into the folder of an unfinished step; return its rows."""
        return write(frame, folder / TABLE_FILE, "parquet")

    def facts(self, key: str) -> Mapping[str, object]:
        """Return what a finished step said."""
        return self.workspace.record(key).facts

    def model(self, name: str) -> ml.Model:
        """Return the fitted model of a finished training step."""
        from ... import ml

        return ml.load(self.workspace.folder(train_key(name)) / MODEL_FOLDER)

    @property
    def features(self) -> FeaturesSpec:
        """The features that all models share."""
        assert self.job.spec.train is not None
        return self.job.spec.train.features

    def seed(self, own: int | None = None) -> int:
        """Return a section's own seed, else the job's."""
        return self.job.spec.seed if own is None else own


def train_key(model: str) -> str:
    """Return the name of the folder of a training step."""
    return f"train-{model}"
