"""How slices are called in the report: by the values that make them, whatever those hold."""

import pytest

from volley.deploy.job.summary import _slice_columns, _slice_label


@pytest.mark.parametrize(
    ("text", "columns", "label"),
    [
        ("sex=f", ("sex",), "f"),
        ("sex=f & town=Rome", ("sex", "town"), "f, Rome"),
        ("sex=", ("sex",), "(empty)"),
        ("sex= & town=null", ("sex", "town"), "(empty), null"),
        ("town=R & D", ("town",), "R & D"),
        ("sex=a=b & town=R & D", ("sex", "town"), "a=b, R & D"),
        ("sex=R & D & town=", ("sex", "town"), "R & D, (empty)"),
    ],
)
def test_columns_and_values_of_a_slice(text: str, columns: tuple[str, ...], label: str) -> None:
    by = _slice_columns(text, ["sex", "town"])
    assert (by, _slice_label(text, by)) == (columns, label)
