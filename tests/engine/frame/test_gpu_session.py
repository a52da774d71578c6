"""Sessions on the simulated GPU: what explain says, what falls back, what is refused."""

from __future__ import annotations

import pytest

import volley as vl
from tests.support.simulated_gpu import simulated_session
from volley.engine.errors import UnsupportedOperation

DATA = {"i": [3, 1, None, 2], "s": ["ab", None, "ba", "c"]}


def frame(session: vl.Session) -> vl.DataFrame:
    return vl.DataFrame(DATA, session=session)


def test_the_device_calls_itself_simulated() -> None:
    session = simulated_session()
    assert session.device.name == "gpu (simulated)"
    own = frame(session)
    text = own[own.i > 1].explain("physical")
    assert "FilterExec (i > 1)  [stage 0, splits, ordered, gpu (simulated)" in text
    assert ", cpu" not in text


def test_explain_names_what_the_cpu_computes() -> None:
    session = simulated_session()
    own = frame(session)
    made = vl.sql("select translate(s, 'ab', 'xy') as t, i + 1 as j from own where i < 3", own=own)
    assert made.to_dict() == {"t": [None, "c"], "j": [2, 3]}
    lines = made.explain("physical").splitlines()
    marked = [line for line in lines if "on the cpu" in line]
    assert len(marked) == 1
    assert "on the cpu translate: libcudf maps characters by a table for the whole column only" in marked[0]
    assert marked[0].lstrip().startswith("ProjectExec")


def test_without_fallback_such_a_query_is_refused_before_it_runs() -> None:
    session = simulated_session(cpu_fallback=False)
    own = frame(session)
    assert vl.sql("select i + 1 as j from own", own=own).to_dict() == {"j": [4, 2, None, 3]}
    refused = vl.sql("select translate(s, 'ab', 'xy') as t from own", own=own)
    with pytest.raises(UnsupportedOperation, match=r"gpu \(simulated\) cannot compute translate: libcudf maps"):
        refused.to_arrow()


def test_results_leave_with_their_types() -> None:
    session = simulated_session()
    own = frame(session)
    cpu = vl.DataFrame(DATA)
    text = """
        select i::decimal(9, 2) * 1.5 as d, date '2024-01-31' + interval 1 month as m, i / 2 as r, i // 2 as q,
               upper(s) as u, s like 'a%' as l, case when i > 1 then 'big' else s end as c, coalesce(i, 0) as z,
               s || '!' as x, timestamp '2024-01-01 10:00:00' as t, time '10:00:00' as k
        from own
    """
    ours = vl.sql(text, own=own).to_arrow()
    assert ours.equals(vl.sql(text, own=cpu).to_arrow())


def test_explain_names_aggregates_and_windows_that_the_cpu_computes() -> None:
    session = simulated_session(threads=1)
    own = frame(session)
    sketched = vl.sql("select s, approx_count_distinct(i) as n, sum(i) as t from own group by s", own=own)
    told = [
        line for line in sketched.explain("physical").splitlines() if "on the cpu sketch: libcudf counts no" in line
    ]
    assert [line.split()[0] for line in told] == ["FinalAggregateExec", "PartialAggregateExec"]
    assert sorted(sketched.to_dict()["n"]) == [0, 1, 1, 1]
    text = (
        "select i, max(i) over (order by i rows between 1 preceding and unbounded following) as m from own order by i"
    )
    made = vl.sql(text, own=own)
    [line] = [line for line in made.explain("physical").splitlines() if "on the cpu" in line]
    assert "WindowExec" in line
    assert "on the cpu max: libcudf would read all rows of such frames" in line
    assert made.to_dict()["m"] == [3, 3, 3, 3]


def test_keys_that_libcudf_compares_otherwise_go_by_way_of_the_cpu() -> None:
    text = """
        select i, count(*) as n
        from (values (interval '1 month'), (interval '30 days'), (interval '1 year'), (null)) t(i) group by i order by i
    """
    with simulated_session(threads=1):
        made = vl.sql(text)
        lines = made.explain("physical").splitlines()
        told = [line.split()[0] for line in lines if "on the cpu key col0: libcudf" in line]
        assert {"SortExec", "FinalAggregateExec", "PartialAggregateExec", "HashExchangeExec"} <= {*told}
        assert made.to_dict()["n"] == [2, 1, 1]
    with simulated_session(cpu_fallback=False), pytest.raises(UnsupportedOperation, match="key col0: libcudf compares"):
        vl.sql(text).to_arrow()
