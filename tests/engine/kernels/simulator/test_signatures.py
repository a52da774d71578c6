"""The recorded signatures are those of the installed pylibcudf, and are read as Python would read them."""

from __future__ import annotations

import importlib.util
import inspect
import json

import pytest

from volley.engine.kernels.simulator import record, signatures

installed = pytest.mark.skipif(
    importlib.util.find_spec("pylibcudf") is None, reason="pylibcudf is not installed; make check-gpu has it"
)


def test_every_recorded_signature_is_read():
    callables = signatures.recorded()["callables"]
    assert len(callables) > 700
    for name in callables:
        assert isinstance(signatures.signature(name), inspect.Signature)


def test_a_signature_binds_as_the_real_one_does():
    reduce = signatures.signature("pylibcudf.reduce.reduce")
    assert list(reduce.parameters) == ["col", "agg", "data_type", "init", "stream", "mr"]
    assert reduce.bind(1, 2, 3, stream=4).arguments == {"col": 1, "agg": 2, "data_type": 3, "stream": 4}
    with pytest.raises(TypeError, match="too many positional"):
        signatures.signature("pylibcudf.table.Table.columns").bind(1)
    with pytest.raises(TypeError, match="unexpected keyword"):
        signatures.signature("pylibcudf.join.inner_join").bind(1, 2, 3, streams=None)


def test_what_is_not_there_is_told_apart():
    with pytest.raises(AttributeError, match=r"has no pylibcudf.join"):
        signatures.signature("pylibcudf.join.outer_join")
    with pytest.raises(AttributeError, match=r"no enumeration pylibcudf.partitioning"):
        signatures.enumeration("pylibcudf.partitioning.HashId")
    assert signatures.enumeration("pylibcudf.types.TypeId")["DECIMAL128"] == 27


@installed
def test_the_record_is_of_the_installed_release():
    written = json.loads(record.RECORD.read_text("utf-8"))
    found = record.record()
    for part in ("release", "callables", "enumerations", "attributes"):
        assert found[part] == written[part], "run python -m volley.engine.kernels.simulator.record and look at the diff"
