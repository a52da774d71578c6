"""What to write for pandas' methods that there are not here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import ColumnNotFound, MethodNotFound

_NO_NUMBERS = "rows have no numbers or labels here; use a condition, head(n), tail(n) or limit(count, offset)"
_NO_LABELS = "rows have no labels here, so that there is nothing to align"
_IN_PANDAS = "bring the result, once it is small, into pandas: to_pandas()"
_COLUMN = "compute with columns: frame.assign(total=frame.price * frame.count)"
_ASSIGN = "frames are immutable; write frame = frame.assign(x=…)"
_DRAW = f"to draw, {_IN_PANDAS}.plot"
_MOMENTS = f"not computed here; {_IN_PANDAS}"
_TIME = "round the times, group by them, then agg: frame.assign(day=frame.t.dt.floor('day')).groupby('day')"
_ZONES = "timestamps carry their zone in the type; .dt.floor(unit) is a period's start"
_TRANSPOSED = f"rows do not become columns here; use melt, pivot_table, or {_IN_PANDAS}"
_TEXT = "text is dictionary-encoded as it is read and needs no type of its own; use .str and =="
_GREATEST = "take the whole row: frame.nlargest(1, 'x'), or nsmallest"
_LEVELS = "there are no index levels; group keys are columns: use select, drop and rename"
_FILES = f"write Parquet, CSV, JSON or Arrow files with to_parquet, to_csv, to_json, to_ipc; or {_IN_PANDAS}"

REPLACEMENTS: Mapping[str, str] = {
    **dict.fromkeys(("iloc", "iat", "take", "xs", "argsort", "searchsorted", "truncate"), _NO_NUMBERS),
    "ix": "use loc with a condition: frame.loc[frame.x > 1, ['x', 'y']]",
    "at": "there are no row labels; frame.loc[frame.key == 3, 'x'].item() gives one value",
    **dict.fromkeys(("reindex", "reindex_like", "align", "combine", "asof"), f"{_NO_LABELS}; join with merge"),
    "update": "use merge, then frame.x.combine_first or where",
    "compare": "merge both frames on their key, then compare the columns; equals() compares wholes",
    **dict.fromkeys(
        ("add", "sub", "subtract", "mul", "multiply", "div", "divide", "truediv", "floordiv", "mod", "pow"), _COLUMN
    ),
    **dict.fromkeys(("radd", "rsub", "rmul", "rdiv", "rtruediv", "rfloordiv", "rmod", "rpow"), _COLUMN),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), "compare columns, such as frame.x == 1, or wholes: equals()"),
    **dict.fromkeys(("insert", "isetitem"), f"{_ASSIGN}, and choose the order with frame[['b', 'a']]"),
    "pop": "take the column with frame['x'], then frame.drop(columns='x')",
    **dict.fromkeys(("append", "_append"), "use vl.concat([first, second])"),
    "iteritems": "use items()",
    "apply": "use column arithmetic, frame.x.apply(function) for one column, or map_batches for whole batches",
    "applymap": "use frame.x.apply(function), or map_batches",
    "map": "use frame.x.map(…) for each column, or map_batches",
    "transform": "use column arithmetic with assign, or groupby(…).transform('mean')",
    "filter": "filter the frame: frame[frame.x > 1]; groups by groupby(…).transform('size') and a condition on it",
    **dict.fromkeys(("stack", "wide_to_long"), "use melt"),
    **dict.fromkeys(("unstack", "pivot"), "use pivot_table (aggfunc='first' where each cell has one value)"),
    **dict.fromkeys(("T", "transpose", "swapaxes"), _TRANSPOSED),
    **dict.fromkeys(("droplevel", "swaplevel", "reorder_levels", "rename_axis", "level"), _LEVELS),
    "axes": "use columns; rows have no labels",
    **dict.fromkeys(("set_flags", "flags", "attrs"), "frames carry no flags; leave it out"),
    **dict.fromkeys(("plot", "hist", "boxplot"), _DRAW),
    "style": "to style, bring the rows into pandas: head(n).to_pandas().style",
    **dict.fromkeys(("sparse", "cat"), _TEXT),
    **dict.fromkeys(("resample", "asfreq", "at_time", "between_time"), _TIME),
    **dict.fromkeys(("tz_convert", "tz_localize", "to_period", "to_timestamp"), _ZONES),
    "interpolate": "use ffill() or bfill(), or fillna with a column",
    **dict.fromkeys(("idxmax", "idxmin", "argmax", "argmin"), _GREATEST),
    **dict.fromkeys(("skew", "kurt", "kurtosis", "sem", "autocorr", "ewm", "dot", "corrwith"), _MOMENTS),
    **dict.fromkeys(("cumprod",), "use frame.x.log().cumsum().exp() where all values are positive"),
    **dict.fromkeys(("corr", "cov"), "use frame.corr(), or frame.x.corr(frame.y) of two columns"),
    "mode": "use frame.x.value_counts().head(1)",
    **dict.fromkeys(("rolling", "expanding"), "roll a column: frame.assign(mean=frame.x.rolling(3).mean())"),
    "combine_first": "use frame.x.fillna(frame.y) for each column",
    "squeeze": "take the column with frame['x'], or its value with frame['x'].item()",
    "factorize": "use rank('dense') for codes; group-bys and joins take texts as they are",
    "repeat": "use merge with a frame of the numbers to repeat by, how='cross'",
    "explode": f"lists are not unnested by frames; use SQL's unnest, or {_IN_PANDAS}",
    **dict.fromkeys(("first_valid_index", "last_valid_index"), "use frame[frame.x.notna()] with head(1) or tail(1)"),
    "memory_usage": "a lazy frame holds no rows; collect().nbytes tells of its result",
    "nbytes": "a lazy column holds no rows; to_arrow().nbytes tells of its result",
    **dict.fromkeys(
        ("to_excel", "to_hdf", "to_stata", "to_feather", "to_pickle", "to_sql", "to_clipboard", "to_orc", "to_xml"),
        _FILES,
    ),
    **dict.fromkeys(("to_html", "to_latex", "to_string", "to_markdown", "to_xarray"), _IN_PANDAS),
    "to_records": "use to_dict(orient='records'), to_numpy() or to_arrow()",
    # columns alone
    **dict.fromkeys(("loc", "drop"), "choose rows of the frame first: frame[frame.x > 1]['x']"),
    "groupby": "group the frame: frame.groupby('key')['x']",
    **dict.fromkeys(("sort_index", "reset_index", "index"), "a column has no index; sort or mark the frame"),
    **dict.fromkeys(("to_csv", "to_json", "to_parquet", "info"), "make it a frame first: x.to_frame()"),
    **dict.fromkeys(("keys", "items", "get"), "rows have no labels here; use to_list()"),
    "to_dict": "rows have no labels here; use to_list(), or the frame's to_dict()",
    **dict.fromkeys(("add_prefix", "add_suffix", "set_axis"), "rows have no labels here; use rename(name)"),
    "dtypes": "use dtype",
    "array": "use to_arrow() or to_numpy()",
    # groups alone
    "describe": "use agg({'x': ['count', 'mean', 'std', 'min', 'max']})",
    "value_counts": "use groupby([key, 'x']).size()",
    "sample": "sample the frame, or use head(n) for the first rows of each group",
    **dict.fromkeys(("groups", "indices", "ngroup"), "iterate over the group-by, or use get_group(key)"),
    "pct_change": "use x / groupby(key)['x'].shift() - 1",
    "ndim": "a group-by has no dimensions; ngroups counts its groups",
}


def not_found(kind: str, name: str, available: Iterable[str]) -> MethodNotFound | ColumnNotFound:
    """Return the error for a name that a kind of object has not."""
    if name in REPLACEMENTS:
        return MethodNotFound(f"{kind} has no {name!r} here; {REPLACEMENTS[name]}")
    return ColumnNotFound(name, [one for one in available if not one.startswith("_")], " or method")
