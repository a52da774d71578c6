# one case is one line
"""Functions and models that are registered with the session, called in queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import volley as vl
from volley import ml
from volley.engine.errors import (
    ConfigError,
    SqlError,
    TypeMismatch,
    UnsupportedOperation,
    UserFunctionError,
    VolleyError,
)


@vl.udf
def half(x: int) -> float:
    """Return half of a number."""
    return x / 2


def spread(values: list[float | None]) -> float:
    """Return the distance of the extremes of a group."""
    known = [value for value in values if value is not None]
    return max(known) - min(known)


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as session:
        vl.register("t", vl.DataFrame({"a": [1, 2, 3, 4], "b": [1.0, None, 3.5, 5.0], "g": ["x", "x", "x", None]}))
        vl.register("half", half)
        vl.register_function("spread", spread, kind="aggregate", dtype="float64")
        yield session


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a, half(a) as h from t where half(a) > 1 order by half(a) desc", {"a": [4, 3], "h": [2.0, 1.5]}),
        ("select sum(half(a)) as s from t", {"s": [5.0]}),
        ("select half(sum(a)) as s from t", {"s": [5.0]}),
        (
            "select half(a) as h, count(*) as n from t where a < 3 group by half(a) order by h",
            {"h": [0.5, 1.0], "n": [1, 1]},
        ),
        ("select row_number() over (order by half(a) desc) as n from t order by a", {"n": [4, 3, 2, 1]}),
        ("select a from t where a in (select HALF(x) from (values (2), (4)) v(x)) order by a", {"a": [1, 2]}),
        ("select x.a from t x join t y on half(x.a) = y.a order by 1", {"a": [2, 4]}),
        ("select case when a > 3 then half(a) end as c from t where a > 2 order by a", {"c": [None, 2.0]}),
        ("select g, spread(b) as s from t group by g order by g", {"g": ["x", None], "s": [2.5, 0.0]}),
        ("select spread(b) filter (where a > 2) as s, max(a) as m from t", {"s": [1.5], "m": [4]}),
        ("select g from t group by g having spread(b) > 1", {"g": ["x"]}),
    ],
)
def test_functions_of_values_and_groups(session: vl.Session, text: str, expected: dict[str, list[Any]]) -> None:
    assert vl.sql(text).to_dict() == expected


def test_a_function_in_a_variable_of_the_caller_is_found() -> None:
    @vl.udf
    def plus_ten(x: int) -> int:
        return x + 10

    t = vl.DataFrame({"a": [1, 2]})
    assert vl.sql("select plus_ten(a) as p from t").to_dict() == {"p": [11, 12]}
    del t, plus_ten


def test_functions_of_tables(session: vl.Session) -> None:
    vl.register_function("pairs", lambda n, name="q": {"i": list(range(n)), "s": [name] * n}, kind="table")
    vl.register_function("twice", lambda frame: vl.concat([frame, frame]), kind="table")
    assert vl.sql("select p.* from pairs(1 + 1, 'z') p where i > 0").to_dict() == {"i": [1], "s": ["z"]}
    assert len(vl.sql("from twice(t)")) == 8
    assert vl.sql("from twice((select a from t where a > 3))").to_dict() == {"a": [4, 4]}
    vl.register_function("broken", lambda: 1 / 0, kind="table")
    with pytest.raises(UserFunctionError, match="broken raised ZeroDivisionError"):
        vl.sql("from broken()")
    vl.register_function("number", lambda: 3, kind="table")
    with pytest.raises((SqlError, TypeMismatch), match="number returned a int, not a table"):
        vl.sql("from number()")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("select spread(a) over () from t", UnsupportedOperation, "spread with OVER"),
        (
            "select list_transform([a], lambda x: half(x)) from t",
            UnsupportedOperation,
            "a user's function inside a lambda",
        ),
        ("select a from t where spread(b) > 1", SqlError, "an aggregate cannot stand in WHERE"),
        ("from half(3)", UnsupportedOperation, "the table function half"),
    ],
)
def test_where_functions_cannot_stand(session: vl.Session, text: str, error: type[VolleyError], message: str) -> None:
    with pytest.raises(error, match=message):
        vl.sql(text)


def test_names_are_forgotten_again(session: vl.Session) -> None:
    vl.unregister("half")
    assert session.registered.keys() == {"spread"}
    with pytest.raises(ConfigError, match="kind='window': a function is 'scalar', 'aggregate' or 'table'"):
        vl.register_function("f", half, kind="window")


def test_a_frame_is_asked_as_self() -> None:
    frame = vl.DataFrame({"a": [1, 2, 3]})
    big = frame[frame.a > 1].sql("select sum(a) as s from self where a < $top", params={"top": 3})
    assert big.to_dict() == {"s": [2]}
    with pytest.raises(SqlError, match="unknown table 'sel'; did you mean 'self'"):
        frame.sql("from sel")


# --- models


@pytest.fixture
def trained(session: vl.Session) -> vl.Session:
    rows = [{"x": i / 50, "c": "u" if i % 3 else "w", "y": i % 100 > 40, "price": 2.0 * i + 1} for i in range(300)]
    vl.register("d", vl.DataFrame(rows))
    vl.sql("create model m options (type = 'logistic_regression', label = 'y', C = 10.0) as select x, c, y from d")
    vl.sql("create model lin options (type = linear_regression, label = 'price', numeric = ['x']) as from d")
    return session


def test_a_model_is_fitted_as_the_options_say(trained: vl.Session) -> None:
    model = trained.registered["m"].value
    assert (model.name, model.features.numeric, model.features.categorical) == ("LogisticRegression", ("x",), ("c",))
    assert vl.sql("show models").to_dict() == {"name": ["lin", "m"], "model": ["Ridge", "LogisticRegression"]}
    frame = vl.sql("select x, c, y from d")
    own = ml.LogisticRegression(C=10.0).fit(frame, ml.Features(numeric=["x"], categorical=["c"], label="y"))
    assert vl.sql("from predict(m, d)").to_dict()["score"] == pytest.approx(own.predict(frame).to_dict()["score"])


def test_predictions_are_columns_of_one_plan(trained: vl.Session) -> None:
    query = vl.sql("select x, prediction from predict(m, d) where x < 0.1")
    optimized = query.explain("optimized")
    assert "columns=[x, c] where (x < 0.1)" in optimized, "the filter moves below the model, what it does not read goes"
    expected = query.to_dict()
    assert len(expected["x"]) == 5
    assert vl.sql("select d.x, prediction from d, predict(m, *) p where d.x < 0.1").to_dict() == expected
    assert vl.sql("select x, p.prediction from (from d where x < 0.1) d, predict(m, *) p").to_dict() == expected
    listed = vl.sql("select x, predict(m, *) from d where x < 0.1")
    assert listed.columns == ["x", "prediction", "score"]
    assert listed.to_dict()["prediction"] == expected["prediction"]
    inner = vl.sql("select avg(prediction::int) as share from predict(m, (select * exclude (y) from d))")
    assert 0 < inner.to_dict()["share"][0] < 1


def test_explanations_are_columns_too(trained: vl.Session) -> None:
    explained = vl.sql("select * exclude (y, price) from explain(m, (select * from d limit 2))")
    assert explained.columns == ["x", "c", "base_value", "phi_x", "phi_c"]
    model = trained.registered["m"].value
    assert explained.to_dict()["phi_x"] == ml.explain(model, vl.sql("from d limit 2")).to_dict()["phi_x"]


def test_a_fitted_model_can_be_registered_and_dropped(trained: vl.Session) -> None:
    vl.register("again", trained.registered["lin"].value)
    assert vl.sql("select prediction from predict(AGAIN, d) limit 1") is not None
    vl.sql("drop model again")
    assert vl.sql("drop model if exists again").to_dict() == {"name": ["again"], "result": ["not there"]}
    assert vl.sql("create model if not exists m options (type = 'ridge') as from d").to_dict()["result"] == [
        "exists already"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from predict(mm, d)", "unknown model 'mm'; did you mean 'm'"),
        ("select predict(m, d) from d", r"predict stands in FROM, or takes \* here"),
        ("select m(x) from d", "'m' is a model; call predict or explain"),
        (
            "create model m options (type = 'ridge', label = 'y') as from d",
            "'m' exists already; write create or replace",
        ),
        (
            "create model q options (type = 'x', label = 'y') as from d",
            "unknown type 'x' of a model; available: linear",
        ),
        ("create model q options (label = 'y') as from d", "a model needs a type, such as type = "),
        ("create model q options (type = 'ridge') as from d", "a model needs the column to predict"),
        ("create model q options (type = 'ridge', label = 'price', foo = 3) as from d", "ridge has no option 'foo'"),
        ("create model q as select 1", r"OPTIONS \(…\) is missing; write it like"),
        ("create model q options (type = 'ridge'", r"OPTIONS \( has no end"),
        ("create model q options (label) as select 1", "an option is written like label = 'y', not label"),
        (
            "create model q options (type = 'ridge', label = 'price') as select nix from d",
            r"unknown column 'nix'.*column 68",
        ),
        ("create model 'q'", "the name of the model is missing"),
        ("drop model zz", "unknown model 'zz'; available: m, lin"),
        ("from predict(m, (select d.x, d.x, c from d))", "two columns are called 'x'"),
        ("from predict(m, (select x from d))", "unknown column 'c'"),
    ],
)
def test_mistakes(trained: vl.Session, text: str, message: str) -> None:
    with pytest.raises(VolleyError, match=message):
        vl.sql(text)
