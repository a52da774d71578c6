"""Encrypted Parquet files are refused, whatever of them is encrypted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.engine.errors import ReadError
from volley.io.parquet import ParquetSource


def test_columns_with_keys_of_their_own_are_refused(tmp_path: Path) -> None:
    """To ask for such a column's description ends the process within pyarrow."""
    encryption = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(encryption.KmsClient):
        def __init__(self, _config: object) -> None:
            super().__init__()

        def wrap_key(self, key: bytes, _name: str) -> str:
            return key.hex()

        def unwrap_key(self, wrapped: str, _name: str) -> bytes:
            return bytes.fromhex(wrapped)

    factory = encryption.CryptoFactory(Keys)
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    for plain, message in ((True, r"has encrypted columns \('b'\)"), (False, "is an encrypted Parquet file")):
        path = tmp_path / f"{plain}.parquet"
        wanted = encryption.EncryptionConfiguration(footer_key="f", column_keys={"k": ["b"]}, plaintext_footer=plain)
        properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), wanted)
        with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
            writer.write_table(table)
        with pytest.raises(ReadError, match=message):
            ParquetSource(str(path))
