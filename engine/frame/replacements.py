"""What to write for pandas' methods that there are not here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import ColumnNotFound, MethodNotFound, suggestion

_NO_NUMBERS = "rows have no numbers or labels here; use a condition, head(n), tail(n) or limit(count, offset)"
_NO_LABELS = "rows have no labels here, so that there is nothing to align"
_IN_PANDAS = "bring the result, once it is small, into pandas: to_pandas()"
_ASSIGN = "frames are immutable; write frame = frame.assign(x=…)"
_ZONES = "timestamps carry their zone in the type; .dt.floor(unit) is a period's start"
_TEXT = "text is dictionary-encoded as it is read and needs no type of its own; use .str and =="
_LEVELS = "there are no index levels; group keys are columns: use select, drop and rename"
_FILES = (
    f"write Parquet, CSV, JSON, Arrow or ORC files with to_parquet, to_csv, to_json, to_ipc, to_orc; or {_IN_PANDAS}"
)

REPLACEMENTS: Mapping[str, str] = {
    "take": _NO_NUMBERS,
    "ix": "use loc with a condition: frame.loc[frame.x > 1, ['x', 'y']]",
    "at": "take the frame's: frame.at[3, 'x']",
    **dict.fromkeys(("align", "combine", "asof"), f"{_NO_LABELS}; join with merge"),
    "reindex_like": "use reindex(labels), or merge",
    "update": "use merge, then frame.x.combine_first or where",
    "compare": "merge both frames on their key, then frame.x.compare(frame.y); equals() compares wholes",
    **dict.fromkeys(("insert", "isetitem"), f"{_ASSIGN}, and choose the order with frame[['b', 'a']]"),
    "pop": "take the column with frame['x'], then frame.drop(columns='x')",
    **dict.fromkeys(("append", "_append"), "use vl.concat([first, second])"),
    "iteritems": "use items()",
    "applymap": "use map",
    "filter": "filter the frame: frame[frame.x > 1]",
    "wide_to_long": "use melt",
    "swapaxes": "use transpose() of a small result",
    **dict.fromkeys(("rename_axis", "level"), _LEVELS),
    "axes": "use columns; rows have no labels",
    **dict.fromkeys(("set_flags", "flags", "attrs"), "frames carry no flags; leave it out"),
    "sparse": _TEXT,
    **dict.fromkeys(("to_period", "to_timestamp"), _ZONES),
    **dict.fromkeys(("plot", "hist", "boxplot"), f"to draw, take the frame's, or {_IN_PANDAS}"),
    "dot": "multiply columns: frame.x.dot(frame.y), or (frame.x * frame.y).sum()",
    "memory_usage": "a lazy frame holds no rows; collect().nbytes tells of its result",
    "nbytes": "a lazy column holds no rows; to_arrow().nbytes tells of its result",
    **dict.fromkeys(("to_excel", "to_hdf", "to_xml"), _FILES),
    **dict.fromkeys(("to_clipboard", "to_markdown", "to_xarray"), _IN_PANDAS),
    # of Polars and Spark
    **dict.fromkeys(("with_columns", "withColumn", "withColumns"), "use assign(x=frame.y * 2)"),
    **dict.fromkeys(("group_by", "groupBy"), "use groupby(['k']).agg(total=('x', 'sum'))"),
    **dict.fromkeys(("sort", "orderBy", "order_by"), "use sort_values(['x', 'y'], ascending=[False, True])"),
    **dict.fromkeys(("distinct", "dropDuplicates"), "use drop_duplicates(['k'])"),
    **dict.fromkeys(("unionByName", "union", "unionAll", "vstack"), "use vl.concat([first, second])"),
    **dict.fromkeys(("withColumnRenamed", "alias"), "use rename(columns={'old': 'new'}), of a column rename('new')"),
    **dict.fromkeys(("show", "glimpse"), "print(frame.head(20)) shows rows"),
    "printSchema": "print(frame.schema) shows names and types",
    "lazy": "frames are lazy; collect() gives the rows as an Arrow table",
    **dict.fromkeys(("cast", "try_cast"), "use astype('int64')"),
    **dict.fromkeys(("is_null", "isNull", "is_not_null", "isNotNull"), "use isna() and notna()"),
    **dict.fromkeys(("is_in", "is_between"), "use isin([…]) and between(low, high)"),
    **dict.fromkeys(("over", "partition_by"), "use groupby('k').x.transform('sum'), or OVER in frame.sql"),
    **dict.fromkeys(("when", "otherwise"), "use frame.x.where(condition, other), frame.x.case_when, or np.select"),
    **dict.fromkeys(("toPandas", "to_pydict"), "use to_pandas(), or to_dict()"),
    **dict.fromkeys(
        ("createOrReplaceTempView", "persist"), "use vl.register('t', frame), and frame.cache() to keep rows"
    ),
    # columns alone
    "index": "a column has no index; mark columns of the frame with set_index",
    **dict.fromkeys(("keys", "get"), "rows have no labels here; use to_list()"),
    **dict.fromkeys(("add_prefix", "add_suffix", "set_axis"), "rows have no labels here; use rename(name)"),
    "array": "use to_arrow() or to_numpy()",
    # groups alone
    **dict.fromkeys(("groups", "indices"), "iterate over the group-by, or use get_group(key)"),
}


_OF_GROUPS: Mapping[str, str] = {
    "fillna": "fill from the group: frame.x.fillna(frame.groupby('k').x.transform('mean'))",
    "sort_values": "sort the frame first: frame.sort_values('x').groupby('k'); groups keep its order",
    "drop_duplicates": "use frame.drop_duplicates(['k', 'x'])",
    "isna": "use frame.isna(), or count() and size()",
    "assign": "assign to the frame: frame.assign(share=frame.x / frame.groupby('k').x.transform('sum'))",
    "merge": "merge the result of an aggregate, such as groupby('k').sum().reset_index()",
    "to_pandas": "aggregate first, or iterate over the group-by",
}
"""Names of other classes, which groups have neither here nor in pandas."""
_OF_TEXT: Mapping[str, str] = {
    "extractall": "use findall(pattern), then explode, or extract(pattern) once for each group",
    **dict.fromkeys(("index", "rindex"), "use find or rfind, which give -1 where there is none"),
    "join": "of lists: .list.join(separator)",
    **dict.fromkeys(("normalize", "wrap"), "use vl.udf with a function of one text"),
}
_OF_TIMES: Mapping[str, str] = {
    "nanosecond": "use microsecond; text by strftime has nine digits of a timestamp in ns",
    **dict.fromkeys(("to_period", "freq"), "use floor(unit), which gives the period's start"),
    **dict.fromkeys(("to_pydatetime", "to_pytimedelta"), "use the column's to_list()"),
    **dict.fromkeys(("timetz", "components", "microseconds", "nanoseconds"), "use total_seconds() and arithmetic"),
}
_OF_ACCESSORS: Mapping[str, Mapping[str, str]] = {"TextAccessor": _OF_TEXT, "DatetimeAccessor": _OF_TIMES}
_SHORT = {"TextAccessor": "str", "DatetimeAccessor": "dt", "ListAccessor": "list", "StructAccessor": "struct"}


def accessor_not_found(kind: str, name: str, available: Iterable[str]) -> MethodNotFound:
    """Return the error for a name that an accessor has not."""
    instead = _OF_ACCESSORS.get(kind, {}).get(name)
    near = suggestion(name, [one for one in available if not one.startswith("_")])
    return MethodNotFound(
        f".{_SHORT.get(kind, 'cat')} has no {name!r} here{near if instead is None else f'; {instead}'}"
    )


def not_found(kind: str, name: str, available: Iterable[str]) -> MethodNotFound | ColumnNotFound:
    """Return the error for a name that a kind of object has not."""
    if kind == "GroupBy" and name in _OF_GROUPS:
        return MethodNotFound(f"{kind} has no {name!r} here; {_OF_GROUPS[name]}")
    if name in REPLACEMENTS:
        return MethodNotFound(f"{kind} has no {name!r} here; {REPLACEMENTS[name]}")
    return ColumnNotFound(name, [one for one in available if not one.startswith("_")], " or method")
