"""Machine learning on the engine's buffers: features, estimators, explanation, fairness.

Knows statistics and the frames below it; must not know SQL texts or files of data. XGBoost, SciPy and matplotlib are
imported where they are first used.
"""

from . import fairness, metrics, plots
from .arrays import TrainingArrays, arrays
from .errors import ConvergenceError, FitError, ModelFileError, PredictError, UnseenCategory
from .estimators import GradientBoosting, LogisticRegression, Pipeline, Ridge
from .evaluation import evaluate
from .explanation.frames import explain
from .features import Features
from .handoff import FeatureMatrix, Ledger
from .model import Model
from .results import Evaluation
from .split import train_test_split
from .storage import load
from .transformers import MinMaxScaler, OneHotEncoder, OrdinalEncoder, SimpleImputer, StandardScaler

__all__ = [
    "ConvergenceError",
    "Evaluation",
    "FeatureMatrix",
    "Features",
    "FitError",
    "GradientBoosting",
    "Ledger",
    "LogisticRegression",
    "MinMaxScaler",
    "Model",
    "ModelFileError",
    "OneHotEncoder",
    "OrdinalEncoder",
    "Pipeline",
    "PredictError",
    "Ridge",
    "SimpleImputer",
    "StandardScaler",
    "TrainingArrays",
    "UnseenCategory",
    "arrays",
    "evaluate",
    "explain",
    "fairness",
    "load",
    "metrics",
    "plots",
    "train_test_split",
]
