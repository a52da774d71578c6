"""Figures: what they show, that they are well-formed SVG, and that odd inputs do not break them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from volley.ml import metrics, plots
from volley.ml.fairness import Attribute, SliceOptions, audit_arrays

RNG = np.random.default_rng(0)
SCORE = RNG.random(2000)
LABEL = RNG.random(2000) < SCORE


def _texts(figure: Figure) -> list[str]:
    root = ET.fromstring(plots.to_svg(figure))
    assert root.tag.endswith("svg")
    return [(element.text or "").strip() for element in root.iter() if element.tag.endswith("text")]


def test_roc_and_calibration_name_their_curves() -> None:
    area = metrics.auc(LABEL, SCORE)
    roc = plots.roc_plot({"logistic": (metrics.roc_curve(LABEL, SCORE), area)})
    assert f"logistic   AUC {area:.4f}" in _texts(roc)
    calibration = plots.calibration_plot({"boosting": metrics.calibration_curve(LABEL, SCORE)})
    assert "boosting" in _texts(calibration)


def test_shap_pictures_show_the_greatest_features_on_top() -> None:
    phi = np.column_stack([np.full(300, 0.1), RNG.normal(size=300), np.zeros(300)])
    values = np.column_stack([np.full(300, np.nan), RNG.normal(size=300), np.ones(300)])
    for figure in (
        plots.shap_plot(["small", "big", "none"], phi, values, top=2),
        plots.importance_plot(["small", "big", "none"], np.abs(phi).mean(axis=0), top=2),
    ):
        labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
        assert labels == ["small", "big"]
        assert "big" in _texts(figure)


def test_beeswarm_of_one_row_and_of_very_many() -> None:
    _texts(plots.shap_plot(["a"], np.array([[0.5]]), np.array([[1.0]])))
    many = plots.shap_plot(["a"], RNG.normal(size=(50_000, 1)), RNG.normal(size=(50_000, 1)))
    assert len(many.axes[0].collections[0].get_offsets()) == 1500


@pytest.mark.parametrize("ci", ["bootstrap", None])
def test_forest_plot_of_an_audit(ci: str | None) -> None:
    codes = np.where(np.arange(2000) < 5, 2, np.arange(2000) % 2).astype(np.int32)
    attribute = Attribute(name="SEX", values=pa.array(["m", "f", "x"]))
    audit = audit_arrays([(attribute, codes)], SCORE, LABEL, SliceOptions(ci=ci, n_boot=50))  # type: ignore[arg-type] # parametrised
    figure = audit.plot("tpr")
    texts = _texts(figure)
    assert "tpr at threshold 0.5" in texts
    assert {"all", "SEX", "SEX=m", "SEX=f", "n = 2,000"} <= set(texts)
    assert "SEX=x" not in texts  # too few rows
    intervals = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2]
    assert len(intervals) == (3 if ci else 0)
    assert "auc" in _texts(audit.plot("auc"))


def test_svg_is_the_same_each_time_and_holds_text() -> None:
    def draw() -> str:
        return plots.to_svg(plots.importance_plot(["a & b", "<c>"], np.array([1.0, 2.0])))

    assert draw() == draw()
    assert "a &amp; b" in draw()
