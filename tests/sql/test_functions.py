# ruff: noqa: E501  # one case is one line
"""Functions of the catalogue through SQL, compared with DuckDB over tables with nulls, NaN and odd texts."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import rows_of, run_both, same_value, small_tables
from volley.engine.errors import ExecutionError, VolleyError
from volley.sql import sql

NUMBERS = """
trunc(x, 1), trunc(id, -1), trunc(m, 1), trunc(-x / 3, k), trunc(x / 7, 2)
sin(x), sin(id), cos(k), tan(k), atan(x), asin(k), acos(x / 10), atan2(x, id), sin('inf'::double)
degrees(x), radians(id), cbrt(x), cbrt(-8), sinh(k), cosh(k), tanh(x), pi(), 2 * pi()
trunc(x), trunc(m), trunc(-m), trunc(id), trunc(-1.5), isinf(x), isinf('-inf'::double)
gcd(id, k), lcm(id, k), gcd(-4, 6), lcm(0, 5), gcd(k, 0)
id & k, id | 3, xor(id, k), ~id, bit_count(k), bit_count(id - 5)
id << k, id << 55, 0 << 99, k << 1, id >> k, -id >> 1, id >> 64, id >> -1, null << k, (k::tinyint << 3) >> 1
typeof(id), typeof(k), typeof(x), typeof(s), typeof(b), typeof(d), typeof(ts), typeof(m), typeof(null), typeof(k + 1.5)
typeof(k::tinyint), typeof(k::ubigint), typeof(x::float), typeof(s::blob), typeof(ts::timestamptz), typeof(ts::timestamp_s), typeof(ts::time)
typeof([s]), typeof({'i': id, 'b c': [x]}), typeof(ts - ts)
"""

TEXT = r"""
parse_path(s), parse_path('/a/b c.csv'), parse_path('a//b/'), formatReadableSize(id * 1000000)
concat_ws('-', s, 'x', null), concat_ws(null, s), left(s, 2), left(s, -1), left(s, k), right(s, 2), right(s, -1), right(s, 0), right(s, k)
lpad(s, 4, 'xy'), rpad(s, 4, 'é'), lpad(s, 0, 'x'), lpad(s, k, '*'), reverse(s), repeat(s, 2), repeat(s, -1), repeat(s, k)
position('a' in s), strpos(s, 'é'), instr(s, s), position('' in s), strpos(s, null)
split_part(s, 'a', 1), split_part(s, 'a', -1), split_part(s, '', 2), split_part(s, 'a', 0), split_part(s, 'a', k), split_part(s, 'a', 9)
string_split(s, 'a')[1], len(string_split(s, 'a')), len(string_split(s, '')), len(regexp_split_to_array(s, '[ae]'))
regexp_split_to_array(s, ''), regexp_split_to_array(s, 'p*'), regexp_split_to_array(s, '(a|n)*?'), regexp_split_to_array(s, '$|(p)|'), regexp_extract_all(s, ''), regexp_replace(s, 'p*', '|', 'g')
like_escape(s, 'a$_b$%%', '$'), not_ilike_escape(s, 'A$_%', '$'), overlay(s placing 'XY' from 2), overlay(s placing 'X' from 1 for 3)
hex('\x41\xC3\xA9b'::blob), 'A' = decode('A'::blob), decode('\xC3\xA9'::blob), octet_length('a\x00b'::blob)
translate(s, 'aé', 'b'), translate('abcabc', 'ab', 'x'), translate(s, 'aa', 'xy')
ascii(s), chr((id + 96)::int), chr(233), md5(s), sha256(s)
regexp_replace(s, 'a', 'o'), regexp_replace(s, 'A', 'o', 'gi'), regexp_replace(s, '(.)a', '[\1]', 'g'), regexp_replace(s, '', '-')
regexp_extract(s, 'a(.)', 1), regexp_extract(s, 'a.'), regexp_extract(s, '[(](a)?', 1), regexp_extract(s, '(x)|(a)', 2), regexp_extract(s, '[]a](p)\(?', 1)
regexp_extract(s, '(a)(.)', ['x', 'y']), regexp_extract(s, '(B)(a)', ['one'], 'i'), regexp_extract(s, '(a)(p)', ['x', 'y']).y
regexp_extract(s, '(?:a)(?P<y>p)(p)', 2), regexp_extract(s, 'B(A)', 1, 'i'), regexp_full_match(s, 'a.*e'), s ilike 'BAN%'
s like s, s not like left(s, 1) || '%', s ilike upper(s), 'apple' like s, s like case when id > 3 then '%' else '_____' end, s like case when id < 0 then 'x' end
s like replace(s, '_', '!_') escape '!', s ilike '%' || lower(substr(s, 2, 1)) || '%', s ~~ s, s !~~ s
regexp_matches(s, left(s, 1)), regexp_matches(s, upper(left(s, 1)), 'i'), regexp_full_match(s, 'a' || '.*'), regexp_full_match(s, left(s, 2) || '.*'), s similar to s, s not similar to left(s, 1)
case when id > 100 then chr((id * 100000000)::int) else 'x' end
"""

TIME = """
epoch_ms(make_timestamp(id * 250 - 1000)), epoch_ms(ts), epoch_us(ts), epoch_ms((ts::timestamp_ns)::timestamp_ns), epoch_ms(d), epoch_ms(make_timestamp(-id * 250)::timestamptz)
extract(timezone from ts at time zone 'UTC'), date_part('timezone_hour', ts at time zone 'Asia/Tokyo'), extract(timezone_minute from timestamptz '2024-01-01 00:00:00+00')
extract(epoch from ts), epoch(d), extract(millisecond from ts), extract(microsecond from ts), extract(decade from d), extract(century from d), extract(millennium from ts), extract(isoyear from d), date_part('epoch', ts)
millisecond(ts), century(d), dayname(d), monthname(ts), last_day(d), last_day(ts), extract(century from date '2000-12-31'), extract(isoyear from date '2021-01-01')
date_diff('hour', ts, timestamp '2000-01-01 10:59:00'), date_diff('minute', timestamp '1969-12-31 23:59:30', ts), date_diff('second', ts, ts), date_diff('millisecond', ts, timestamp '1970-01-02'), date_diff('microsecond', d, ts)
date_diff('week', d, date '2024-01-08'), date_diff('quarter', d, date '2020-02-01'), date_diff('decade', d, ts), date_diff('century', date '1850-01-01', d), date_diff('day', ts, d), date_diff('month', ts, d), date_diff('year', d, ts)
make_date(2000 + id, id, 28), make_date(2024, 2, 29), make_timestamp(2020, id, 2, 3, 4, 5.678901), make_date(k, 1, 1)
strftime(ts, '%Y-%m-%d %H:%M:%S.%f'), strftime(ts, '%g %-d/%-m/%y %j %a %A %b %B %p %I %% %x %X'), strftime(d, '%d.%m.%Y'), strftime(d, '%U %W %w %u %G %V'), strftime(ts, '%-H:%-M:%-S')
strptime('2020-01-0' || id, '%Y-%m-%d'), strptime('2020-01-02 03:04:05.5', '%Y-%m-%d %H:%M:%S.%f'), try_strptime(s, '%Y'), try_strptime('2021-02-30', '%Y-%m-%d'), strptime(null, '%Y')
(ts at time zone 'Europe/Berlin') at time zone 'America/New_York', epoch(ts at time zone 'Asia/Tokyo'), (timestamp '2024-10-27 02:30:00' at time zone 'Europe/Berlin') at time zone 'UTC', (timestamp '2024-03-31 02:30:00' at time zone 'Europe/Berlin') at time zone 'UTC'
timestamptz '2024-03-31 02:30:00 Europe/Berlin', '2024-10-27 02:30 Europe/Berlin'::timestamptz, timestamptz '2024-1-1 12:00 UTC' = timestamptz '2024-01-01 17:30 Asia/Kolkata'
epoch(to_timestamp(id * 1.5)), epoch_ms(id * 1000), to_timestamp(id) at time zone 'UTC'
case when id > 100 then make_date(id, 13, 1) end
date_diff('week', date '2024-01-07', date '2024-01-08'), date_diff('week', date '2024-01-08', date '2024-01-01'), date_diff('week', date '2024-01-08', d)
strftime(d, '%y%%%m'), strftime(null::date, '%Y'), date_diff('day', '2024-01-01', d)
"""

AGGREGATES = """
select median(x), median(id), median(m), median(d), median(ts), median(k), median(null) from t
select quantile_cont(x, 0.3), quantile_cont(id, 0.25), quantile_disc(id, 0.5), quantile_disc(s, 0.5), quantile(k, 0.75) from t
select b, median(x), quantile_cont(k, 0.9), quantile_disc(m, 0.1), quantile_disc(d, 0.5) from t group by b
select percentile_cont(0.5) within group (order by id), percentile_disc(0.25) within group (order by x) from t
select mode(s), mode(d) from t
select b, max_by(s, id), arg_min(id, x), arg_max(id, x), arg_min(s, m), arg_max(m, d) from t group by b
select arg_max(s, id) filter (where b), median(id) filter (where id > 3), median(distinct k), len(list(distinct k)) from t
select k, string_agg(s, ';'), string_agg(s), string_agg(id) from t where id <> 2 and id <> 4 group by k
select string_agg(distinct case when id in (1, 6) then s end, '+') from t
select b, product(id), product(x) from t group by b
select b, corr(id, k), covar_samp(id, k), covar_pop(id, k), corr(x, id) from t group by b
select corr(id, k), covar_samp(id, k), covar_pop(id, k), corr(id, id), covar_samp(m, id), corr(id, 1) from t
select corr(id, k) filter (where id < 4), list(id) filter (where id = 5), product(k) filter (where id > 4) from t
select b, bit_and(id), bit_or(k), bit_xor(id), bit_and(k::utinyint), bit_xor(distinct k), bit_or(k) filter (where id > 3) from t group by b
select bit_and(k), bit_or(k::tinyint), bit_xor(k), bit_and(null) from t
select bit_and(k), bit_or(v), bit_xor(v), regr_count(k, v), regr_slope(k, v), regr_sxx(k, v) from e
select regr_slope(id, k), regr_intercept(id, k), regr_count(id, k), regr_r2(id, k), regr_avgx(id, k), regr_avgy(id, k) from t
select b, regr_sxx(m, k), regr_syy(m, k), regr_sxy(m, k), regr_slope(m, k), regr_count(m, k) filter (where id < 6) from t group by b
select regr_r2(1, id), regr_slope(id, 1), regr_intercept(id, 1), regr_r2(id, 1), regr_r2(1, 1), regr_avgx(null, id), regr_count(null, id) from t
select id, (select regr_count(v, u.k) from u where u.k = t.k) as n from t
select approx_count_distinct(k), last(id), count_if(id > 3), median(x) + 1, max(id) - median(id) from t
select median(v), mode(v), corr(k, v), list(v), string_agg(v), product(v), arg_max(k, v), covar_pop(k, v) from e
select k, median(v), mode(v), corr(k, v), list(v), last(v) from e group by k
select k, len(list(x)), len(array_agg(s)) from t group by k
select l[1], l[-1], l[9], l[0], l[k], len(l), list_contains(l, 3), list_element(l, 2) from (select k, list(id) as l from t where id in (1, 3, 5, 6) group by k)
select l[2], list_contains(l, 99.99), list_contains(l, null) from (select list(m) as l from t where id in (5))
select array_to_string(l, '-'), len(l), l[1] from (select k, list(s) as l from t where id in (1, 3, 5, 6) group by k)
"""


def assert_same_values(query: str) -> None:
    ours, theirs = (sorted(rows_of(table), key=repr) for table in run_both(query, small_tables()))
    assert len(ours) == len(theirs)
    for mine, oracle in zip(ours, theirs, strict=True):
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), f"{mine} is not {oracle}"


@pytest.mark.parametrize("expressions", NUMBERS.strip().splitlines())
def test_functions_of_numbers(expressions: str) -> None:
    assert_same_values(f"select {expressions} from t")


@pytest.mark.parametrize("expressions", TEXT.strip().splitlines())
def test_functions_of_text(expressions: str) -> None:
    assert_same_values(f"select {expressions} from t")


@pytest.mark.parametrize("expressions", TIME.strip().splitlines())
def test_functions_of_time(expressions: str) -> None:
    assert_same_values(f"select {expressions} from t")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("regexp_extract(s, 'a(b)', 2)", "has no group 2; it has 1"),
        ("regexp_extract(s, 'a(b)', ['x', 'y'])", "has no group 2; it has 1"),
        ("regexp_extract(s, '(a)(b)', ['x', 'X'])", "has two fields"),
        ("regexp_extract(s, 'a(b)', [])", "at least one field"),
        ("regexp_replace(s, '(', 'x')", "cannot be used as a regular expression"),
        ("regexp_replace(s, 'a', 'x', 'q')", "unknown flags 'q'"),
        ("regexp_matches(s, s || '(')", r"'.*\(' is not a regular expression"),
        ("regexp_matches(s, id)", "a regular expression must be text, not int64"),
        ("s like s || '!' escape '!'", "ends in its escape character"),
        ("s like id", "the pattern of LIKE must be text, not int64"),
        ("chr(-id)", "is not a code point"),
        ("make_date(2023, 2, id + 27)", r"make_date\(2023, 2, 29\) is not a date"),
        ("make_timestamp(2023, 2, 1, 24, 0, 0)", "is not a timestamp"),
        ("strptime(s, '%Y')", "'apple' does not follow the format '%Y'"),
        ("strptime(s, '%Y %z')", "reads a time zone"),
        ("strftime(ts, '%z')", "the column has none"),
        ("ts at time zone 'Europe/Berln'", "unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'"),
        ("date_diff('fortnight', d, d)", "fortnight"),
        ("to_timestamp(1e300)", "leaves the range"),
        ("id << 61", "does not fit int64"),
        ("-id << 1", "does not fit"),
        ("1 << id - 2", "does not fit"),
        ("json_extract(s, '$.a')", "'apple' is not JSON: "),
        ("s::uuid", "^'apple' is not a UUID, in to_uuid"),
        ("s::json", "'apple' is not JSON: "),
        ("sin(s)", "sin does not accept"),
        ("list_element(id, 1)", "list_element does not accept"),
    ],
)
def test_what_functions_refuse(expression: str, message: str) -> None:
    with pytest.raises(VolleyError, match=message):
        sql(f"select {expression} from t", **small_tables()).to_arrow()


def test_each_word_of_a_title_starts_upper_case() -> None:
    answer = sql("select initcap(s) as a from t", **small_tables()).to_arrow()["a"].to_pylist()
    assert answer == ["Apple", "Banana", None, "", "Cherry", "Apple", "Déjà", "A_B%C"]


def test_hashes_are_equal_for_equal_values() -> None:
    query = "select hash(s, k) as h, s, k from t union all select hash(s, k) as h, s, k from t"
    rows = sql(query, **small_tables()).to_arrow().to_pylist()
    assert len({row["h"] for row in rows}) == len({(row["s"], row["k"]) for row in rows}) == 8


@pytest.mark.parametrize("query", AGGREGATES.strip().splitlines())
def test_aggregates(query: str) -> None:
    assert_same_values(query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select quantile_cont(x, 1.5) from t", "between 0 and 1"),
        ("select quantile_cont(x, k) from t", "constant share"),
        ("select median(l) from (select [s] as l from t) x", "median does not accept"),
        ("select string_agg(s, s) from t", "separator"),
        ("select arg_max(id) from t", "arg_max"),
    ],
)
def test_what_aggregates_refuse(query: str, message: str) -> None:
    with pytest.raises(VolleyError, match=message):
        run_both(query, small_tables())


def test_error_raises_its_text_where_it_is_reached() -> None:
    data = pa.table({"x": [1, 2]})
    assert sql("select case when x > 5 then error('too large') else x end as x from t", t=data).to_dict() == {
        "x": [1, 2]
    }
    with pytest.raises(ExecutionError, match="too large"):
        sql("select case when x > 1 then error('too large') else x end from t", t=data).to_arrow()


def test_likeness_counts_code_points() -> None:
    assert sql("select levenshtein('été', 'ete') as a, hamming('été', 'ete') as b").to_dict() == {"a": [2], "b": [2]}
