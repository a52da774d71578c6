"""Tables of categories: the sorted distinct values of a column, and the number of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...engine.errors import TypeMismatch
from ..errors import UnseenCategory

CodeArray: TypeAlias = npt.NDArray[np.int32]
UnknownPolicy: TypeAlias = Literal["ignore", "error"]

UNKNOWN = -1
"""Code of a value that was absent when the table was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """Categories of one column.

    Parameters
    ----------
    name
        The column, for messages.
    values
        Distinct non-null values in ascending order; category ``i`` is ``values[i]``.
    has_null
        Whether null was among the values; it is then the last category.
    null_as
        Category that null stands for, where it is not one of its own; None means that null is unknown.
    """

    name: str
    values: pa.Array
    has_null: bool
    null_as: int | None = None

    def __len__(self) -> int:
        return len(self.values) + int(self.has_null)

    @property
    def labels(self) -> list[str]:
        """Text of each category; null is written ``null``."""
        return [str(value) for value in self.values.to_pylist()] + ["null"] * self.has_null

    def encode(self, column: pa.Array, *, unknown: UnknownPolicy) -> CodeArray:
        """Category numbers of a column, shape (n,).

        Parameters
        ----------
        column
            Values of the type the table was made from, or a dictionary of it.
        unknown
            For values that are not in the table: ``ignore`` gives -1, ``error`` raises.

        Raises
        ------
        UnseenCategory
            With ``unknown="error"``, naming the value and the column.
        TypeMismatch
            When the column cannot be compared with the table.
        """
        if pa.types.is_dictionary(column.type):
            table = self.encode(column.dictionary, unknown="ignore")
            table = np.append(table, np.int32(self._null_code))
            indices = column.indices.cast(pa.int64()).fill_null(len(table) - 1)
            codes: CodeArray = table[indices.to_numpy(zero_copy_only=True)]
        else:
            common = self._common_type(column.type)
            found = pc.index_in(_nan_to_null(column).cast(common), value_set=self.values.cast(common))
            codes = found.fill_null(UNKNOWN).to_numpy(zero_copy_only=True)
            missing = _is_missing(column)
            if missing.any():
                codes = np.where(missing, np.int32(self._null_code), codes)
        if unknown == "error" and (codes == UNKNOWN).any():
            value = column[int(np.argmax(codes == UNKNOWN))].as_py()
            raise UnseenCategory(
                f"column {self.name!r} holds {value!r}, which was not there when the encoder was fitted; "
                'use unknown="ignore" to let such values pass'
            )
        return codes

    @property
    def _null_code(self) -> int:
        if self.has_null:
            return len(self.values)
        return UNKNOWN if self.null_as is None else self.null_as

    def _common_type(self, kind: pa.DataType) -> pa.DataType:
        """Type in which the table and a column of type ``kind`` can be compared without losing values."""
        known = self.values.type
        if kind == known or len(self.values) == 0 or pa.types.is_null(kind):
            return kind if len(self.values) == 0 else known
        family = _family(known)
        if _family(kind) != family:
            raise TypeMismatch(
                f"column {self.name!r} is {kind} but was {known} when the encoder was fitted; cast it first"
            )
        if family == "number":
            whole = pa.types.is_integer(kind) and pa.types.is_integer(known)
            return pa.int64() if whole else pa.float64()
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCounts:
    """Rows of each distinct value; ``values`` sorted and without null, ``counts`` of shape (k,)."""

    values: pa.Array
    counts: npt.NDArray[np.int64]
    nulls: int

    @property
    def most_frequent(self) -> pa.Scalar | None:
        """The commonest value, the smallest of equals; None when every row is null."""
        return None if len(self.values) == 0 else self.values[int(np.argmax(self.counts))]

    def categories(self, name: str) -> Categories:
        """Make a table of the values seen."""
        return Categories(name=name, values=self.values, has_null=self.nulls > 0)

    def filled_categories(self, name: str, fill: pa.Scalar) -> Categories:
        """Make a table of the values seen in which null stands for ``fill``, a value of the column's type."""
        values = self.values
        if self.nulls and pc.index(values, fill).as_py() < 0:
            joined = pa.concat_arrays([values, pa.array([fill.as_py()], values.type)])
            values = joined.take(pc.sort_indices(joined))
        place = pc.index(values, fill).as_py()
        return Categories(name=name, values=values, has_null=False, null_as=None if place < 0 else place)


def count_categories(chunks: Iterable[pa.Array], kind: pa.DataType) -> CategoryCounts:
    """Count the distinct values of a column that comes in chunks; NaN counts as null.

    Parameters
    ----------
    chunks
        Arrays of type ``kind`` whose dictionaries, if they are dictionaries, may differ from chunk to chunk.
    kind
        The column's type; a dictionary's values decide.
    """
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    values, counts = [pa.array([], plain)], [np.array([], dtype=np.int64)]
    nulls = 0
    for chunk in chunks:
        counted = pc.value_counts(chunk)
        distinct = counted.field("values")
        if pa.types.is_dictionary(kind):
            distinct = distinct.cast(plain)
        number = counted.field("counts").to_numpy()
        missing = _is_missing(distinct)
        nulls += int(number[missing].sum())
        values.append(distinct.filter(pa.array(~missing)))
        counts.append(number[~missing])
    return _counted(pa.chunked_array(values, plain), np.concatenate(counts), nulls)


def counted_categories(values: pa.ChunkedArray, counts: pa.ChunkedArray) -> CategoryCounts:
    """Make counts of distinct values, null and NaN among them, and the rows of each."""
    whole, number = values.combine_chunks(), counts.to_numpy()
    missing = _is_missing(whole)
    present = pa.chunked_array([whole.filter(pa.array(~missing))], whole.type)
    return _counted(present, number[~missing], int(number[missing].sum()))


def merge_counts(a: CategoryCounts, b: CategoryCounts) -> CategoryCounts:
    """Return the counts of two disjoint sets of rows together."""
    joined = pa.chunked_array([a.values, b.values], a.values.type)
    return _counted(joined, np.concatenate((a.counts, b.counts)), a.nulls + b.nulls)


def _counted(values: pa.ChunkedArray, counts: npt.NDArray[np.int64], nulls: int) -> CategoryCounts:
    """Add the counts of equal values up, and sort them."""
    coded = values.combine_chunks().dictionary_encode()
    totals = np.zeros(len(coded.dictionary), dtype=np.int64)
    np.add.at(totals, coded.indices.to_numpy(), counts)
    order = pc.sort_indices(coded.dictionary)
    return CategoryCounts(values=coded.dictionary.take(order), counts=totals[order.to_numpy()], nulls=nulls)


def write_one_hot(codes: CodeArray, target: npt.NDArray[np.floating]) -> None:
    """Fill a (n, k) block with 1 in the column of each row's code; an unknown code leaves its row at 0."""
    for number, column in enumerate(target.T):
        np.copyto(column, codes == number, casting="unsafe")


def write_ordinal(codes: CodeArray, target: npt.NDArray[np.floating]) -> None:
    """Fill a (n,) column with the codes; an unknown code becomes NaN."""
    np.copyto(target, codes, casting="unsafe")
    target[codes == UNKNOWN] = np.nan


def _is_missing(column: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
    return mask


def _nan_to_null(column: pa.Array) -> pa.Array:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_null(column, nan_is_null=True), pa.scalar(None, column.type), column)


def _family(kind: pa.DataType) -> str:
    """Types between which values can be compared after a cast."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    return str(kind)
