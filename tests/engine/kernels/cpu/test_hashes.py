"""Words that rows are partitioned by are the same whether they are computed at once or by calls."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import random_table
from volley.engine.arrow import from_arrow_schema
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.hashes import partition_words, partition_words_later
from volley.engine.kernels.cpu.native import Calls
from volley.engine.kernels.cpu.table import CpuTable, slice_table


@pytest.mark.parametrize("coded", [False, True], ids=["plain", "coded"])
@pytest.mark.parametrize("names", ["i", "f", "s", "m", "w", "ij", "isb", "fdmt", "wsu", "gk"])
def test_partition_words_by_calls(names: str, coded: bool) -> None:
    rows = random_table(names, 2000, seed=5)
    for index, field in enumerate(rows.schema):
        if coded and pa.types.is_string(field.type):
            rows = rows.set_column(index, field.name, rows.column(index).dictionary_encode())
    table = CpuDevice().from_arrow(rows.combine_chunks(), from_arrow_schema(rows.schema))
    assert isinstance(table, CpuTable)
    dtypes = [field.dtype for field in table.schema]
    for start, count in ((0, 2000), (13, 700), (5, 0)):
        columns = slice_table(table, start, count).columns
        calls, out = Calls(), np.zeros(count, np.uint64)
        words = partition_words_later(columns, dtypes, out, calls)
        calls.run()
        assert words.tolist() == partition_words(columns, dtypes, count).tolist()
