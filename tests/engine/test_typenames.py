import pytest

from volley.engine import dtypes
from volley.engine.errors import TypeMismatch
from volley.engine.typenames import named_type


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("decimal(9, 2)", dtypes.decimal(9, 2)),
        ("decimal(9)", dtypes.decimal(9, 0)),
        ("timestamp(ms, Europe/Berlin)", dtypes.timestamp("ms", "Europe/Berlin")),
        ("Timestamp", dtypes.timestamp("us")),
        ("time(s)", dtypes.time("s")),
        ("duration(ns)", dtypes.duration("ns")),
        ("uint8", dtypes.uint8),
    ],
)
def test_names_of_types(name: str, dtype: dtypes.DataType) -> None:
    assert named_type(name) == dtype
    assert named_type(str(dtype)) == dtype


@pytest.mark.parametrize("name", ["decimal(99,2)", "timestamp(minutes)", "decimal(x)", "list", "integr"])
def test_names_of_no_types(name: str) -> None:
    with pytest.raises(TypeMismatch, match="is not a type"):
        named_type(name)
