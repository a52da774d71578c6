"""Relational kernels over raw numpy arrays, compiled by numba on first use and cached on disk.

This package knows arrays of 64-bit words, 32-bit row numbers, byte strings and bitmaps; it knows nothing of Arrow,
plans or threads. All kernels release the GIL. Conventions (see ``arrays``):

- *words*: ``uint64`` keys. View integers as words; normalise floats with `float_words` first.
- *rows* and group *ids*: ``int32``, -1 for none. A table or batch has at most ``2**31 - 1`` rows.
- *bits*: an Arrow bitmap (least significant bit first) as ``uint8`` array plus a bit offset; `NO_BITS` for "no nulls".
- ``out``: a caller's array, used where long enough, so that a per-thread arena avoids allocation.
- Inputs may be read-only, must be contiguous, and are never written to.

Keys of several columns: turn text into codes with `BytesGroups`, zero nulls with `zero_nulls`, add `null_words` as one
more column, then use `RowGroups`. Joins on such keys: pack them into single words with `KeyPacking`, or number them
with a `RowGroups`, and index the words or numbers with `JoinIndex`.
"""

from .accumulate import (
    SUM_LANES,
    comoments_f64,
    count_and_sum_f64,
    count_valid,
    first_row,
    mark_groups,
    max_f64,
    max_i64,
    merge_moments,
    merge_sum_f64,
    min_f64,
    min_i64,
    moments_f64,
    split_lanes,
    sum_f64,
    sum_i64,
    sum_i64_wide,
    sum_i128,
    sum_lanes_f64,
    total_f64,
    total_i64,
    whole_sum_f64,
)
from .arithmetic import affine_i64, combine_i64, multiply_i64
from .arrays import MAX_ROWS, NO_BITS, words_of
from .bucketsort import BucketSort
from .calls import Calls
from .compile import cache_directory, holding_lock, warm
from .gathering import (
    count_bits,
    narrow_i128,
    pack_bits,
    put,
    put_later,
    select_bits,
    take,
    take_bits,
    take_bytes,
    take_bytes_shared,
    take_later,
    take_pieces,
    take_text_pieces,
)
from .grouping import WordGroups
from .hashing import (
    NULL_HASH,
    Hashed,
    combine_hashes,
    count_distinct_later,
    float_words,
    hash_bytes,
    hash_bytes_later,
    hash_columns_later,
    hash_rows,
    hash_words,
    null_words,
    zero_nulls,
)
from .joining import JoinIndex
from .ordering import order_floats, order_integers, order_nulls, rows_within, values_within
from .packing import KeyPacking, add_key, set_key, signed_extent, unsigned_extent
from .parallel import spans_of
from .picking import extreme_codes, extreme_texts, least_place
from .radix import (
    count_partitions,
    count_partitions_later,
    move_column,
    move_pairs,
    partition_order,
    partition_positions,
    partition_positions_later,
    start_positions,
)
from .rowgroups import RowGroups
from .rungroups import RunGroups
from .selecting import rows_at
from .sorting import argsort, smallest
from .textgroups import BytesGroups
from .textsort import text_argsort, text_prefixes, text_ranks
from .ties import break_ties
from .wavelets import build_wavelets, find_smallest
from .windowing import (
    add_differences,
    add_moments,
    add_sums,
    build_least,
    build_moments,
    build_sums,
    find_least,
    join_halves,
    mark_changes,
    mark_steps,
    prefix_sums,
    rows_away,
    running_least,
    running_sums,
    scatter,
    scatter_distances,
    search_sorted,
    sort_groups,
    spans,
    spread_groups,
    weighted_means,
)

__all__ = [
    "MAX_ROWS",
    "NO_BITS",
    "NULL_HASH",
    "SUM_LANES",
    "BucketSort",
    "BytesGroups",
    "Calls",
    "Hashed",
    "JoinIndex",
    "KeyPacking",
    "RowGroups",
    "RunGroups",
    "WordGroups",
    "add_differences",
    "add_key",
    "add_moments",
    "add_sums",
    "affine_i64",
    "argsort",
    "break_ties",
    "build_least",
    "build_moments",
    "build_sums",
    "build_wavelets",
    "cache_directory",
    "combine_hashes",
    "combine_i64",
    "comoments_f64",
    "count_and_sum_f64",
    "count_bits",
    "count_distinct_later",
    "count_partitions",
    "count_partitions_later",
    "count_valid",
    "extreme_codes",
    "extreme_texts",
    "find_least",
    "find_smallest",
    "first_row",
    "float_words",
    "hash_bytes",
    "hash_bytes_later",
    "hash_columns_later",
    "hash_rows",
    "hash_words",
    "holding_lock",
    "join_halves",
    "least_place",
    "mark_changes",
    "mark_groups",
    "mark_steps",
    "max_f64",
    "max_i64",
    "merge_moments",
    "merge_sum_f64",
    "min_f64",
    "min_i64",
    "moments_f64",
    "move_column",
    "move_pairs",
    "multiply_i64",
    "narrow_i128",
    "null_words",
    "order_floats",
    "order_integers",
    "order_nulls",
    "pack_bits",
    "partition_order",
    "partition_positions",
    "partition_positions_later",
    "prefix_sums",
    "put",
    "put_later",
    "rows_at",
    "rows_away",
    "rows_within",
    "running_least",
    "running_sums",
    "scatter",
    "scatter_distances",
    "search_sorted",
    "select_bits",
    "set_key",
    "signed_extent",
    "smallest",
    "sort_groups",
    "spans",
    "spans_of",
    "split_lanes",
    "spread_groups",
    "start_positions",
    "sum_f64",
    "sum_i64",
    "sum_i64_wide",
    "sum_i128",
    "sum_lanes_f64",
    "take",
    "take_bits",
    "take_bytes",
    "take_bytes_shared",
    "take_later",
    "take_pieces",
    "take_text_pieces",
    "text_argsort",
    "text_prefixes",
    "text_ranks",
    "total_f64",
    "total_i64",
    "unsigned_extent",
    "values_within",
    "warm",
    "weighted_means",
    "whole_sum_f64",
    "words_of",
    "zero_nulls",
]
