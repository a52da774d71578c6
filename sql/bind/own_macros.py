"""Functions that are said by others: their names, parameters and bodies in SQL.

A function belongs here where its body is as quick as a kernel of its own would be and reads its arguments once or
cheaply; the others are in the catalogue of the engine.
"""

# ruff: noqa: E501  # one function is one line
from __future__ import annotations

from collections.abc import Collection
from functools import cache

import sqlglot
from sqlglot import exp

OWN_MACROS = """
yearweek(d) AS isoyear(d) * 100 + week(d)
era(d) AS CASE WHEN year(d) > 0 THEN 1 ELSE 0 END
julian(d) AS epoch(d) / 86400 + 2440588
nanosecond(t) AS microsecond(t) * 1000
days_in_month(d) AS day(last_day(d))
timezone(zone, t) AS t AT TIME ZONE zone
make_timestamp_ms(n) AS epoch_ms(n)
ago(i) AS now() - i
even(x) AS CASE WHEN x >= 0 THEN ceil(x / 2) * 2 ELSE floor(x / 2) * 2 END
fdiv(x, y) AS floor(x / y)
fmod(x, y) AS x - y * floor(x / y)
signbit(x) AS x < 0
add(x, y) AS x + y
subtract(x, y) AS x - y
multiply(x, y) AS x * y
asinh(x) AS ln(x + sqrt(x * x + 1))
acosh(x) AS ln(x + sqrt(x * x - 1))
atanh(x) AS ln((1 + x) / (1 - x)) / 2
cot(x) AS 1 / tan(x)
overlay(s, part, i, n) AS left(s, i - 1) || part || substr(s, i + n)
overlay(s, part, i) AS overlay(s, part, i, length(part))
unicode(s) AS CASE WHEN s = '' THEN -1 ELSE ascii(s) END
ord(s) AS CASE WHEN s = '' THEN -1 ELSE ascii(s) END
bit_length(s) AS octet_length(s) * 8
parse_dirname(p) AS CASE WHEN starts_with(p, '/') THEN '/' ELSE regexp_extract(p, '^([^/]*)/', 1) END
parse_dirpath(p) AS regexp_extract(p, '^(.*)/[^/]*$', 1)
parse_path(p) AS CASE WHEN p IS NOT NULL THEN list_concat(CASE WHEN starts_with(p, '/') THEN ['/'] ELSE [] END, list_filter(regexp_split_to_array(p, '[/\\\\]'), lambda part__ : part__ <> '')) END
path_join(a, b) AS rtrim(a, '/') || '/' || b
json_group_array(x) AS coalesce(to_json(list(x)), '[]')
json_group_object(k, v) AS coalesce(to_json(map(list(k), list(v))), '{}')
map_concat(a, b) AS list_concat(list_transform(map_entries(a), lambda e__ : {'key': e__.key, 'value': CASE WHEN map_contains(b, e__.key) THEN map_extract_value(b, e__.key) ELSE e__.value END}), list_filter(map_entries(b), lambda e__ : NOT map_contains(a, e__.key)))
uuid() AS uuid_of__(md5(random()::VARCHAR || random()::VARCHAR))
uuid_of__(h) AS substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-' || substr(h, 21, 12)
reservoir_quantile(x, q) AS quantile_disc(x, q)
reservoir_quantile(x, q, n) AS quantile_disc(x, q)
approx_top_k(x, k) AS list_transform(list_slice(list_sort(list_transform(map_entries(histogram(x)), lambda e__ : {'n': -(e__.value::BIGINT), 'k': e__.key})), 1, k), lambda e__ : e__.k)
pragma_version() AS TABLE SELECT version() AS library_version, version() AS source_id, '' AS codename
constant_or_null(x, y) AS CASE WHEN y IS NOT NULL THEN x END
bar(x, low, high) AS bar(x, low, high, 80)
bar(x, low, high, width) AS rpad(repeat('█', (round(greatest(least((x - low) / (high - low), 1), 0) * width * 8)::BIGINT) // 8) || substring('▏▎▍▌▋▊▉', (round(greatest(least((x - low) / (high - low), 1), 0) * width * 8)::BIGINT) % 8, 1), width::INTEGER, ' ')
list_where(l, mask) AS list_transform(list_filter(list_zip(l, mask), lambda p__ : p__.element2), lambda p__ : p__.element1)
array_where(l, mask) AS list_where(l, mask)
list_grade_up(l) AS list_transform(list_sort(list_zip(l, generate_series(1, len(l)))), lambda p__ : p__.element2)
array_grade_up(l) AS list_grade_up(l)
grade_up(l) AS list_grade_up(l)
list_resize(l, n) AS CASE WHEN l IS NOT NULL THEN list_transform(generate_series(1, n), lambda i__ : list_extract(l, i__)) END
list_resize(l, n, x) AS CASE WHEN l IS NOT NULL THEN list_slice(list_concat(l, list_transform(range(n), lambda i__ : x)), 1, n) END
array_resize(l, n) AS list_resize(l, n)
array_resize(l, n, x) AS list_resize(l, n, x)
timezone_hour(t) AS CASE WHEN t IS NOT NULL THEN 0 END
timezone_minute(t) AS CASE WHEN t IS NOT NULL THEN 0 END
make_timestamptz(y, mo, d, h, mi, s) AS make_timestamp(y, mo, d, h, mi, s) AT TIME ZONE 'UTC'
left_grapheme(s, n) AS left(s, n)
right_grapheme(s, n) AS right(s, n)
substring_grapheme(s, i, n) AS substring(s, i, n)
length_grapheme(s) AS length(s)
regexp_escape(s) AS regexp_replace(s, '([^a-zA-Z0-9_])', '\\\\\\1', 'g')
parse_filename(p) AS regexp_extract(p, '([^/\\\\]*)$', 1)
geomean(x) AS exp(avg(ln(x)))
geometric_mean(x) AS exp(avg(ln(x)))
wavg(x, w) AS sum(x * w) / sum(CASE WHEN x IS NOT NULL THEN w END)
weighted_avg(x, w) AS sum(x * w) / sum(CASE WHEN x IS NOT NULL THEN w END)
sem(x) AS stddev_pop(x) / sqrt(count(x))
fsum(x) AS sum(x::DOUBLE)
kahan_sum(x) AS sum(x::DOUBLE)
sumkahan(x) AS sum(x::DOUBLE)
favg(x) AS avg(x)
sum_no_overflow(x) AS sum(x)
count_star() AS count(*)
array_push_back(l, x) AS list_append(l, x)
array_push_front(l, x) AS list_prepend(x, l)
array_pop_back(l) AS list_slice(l, 1, len(l) - 1)
array_pop_front(l) AS list_slice(l, 2, len(l))
array_to_string_comma_default(l, s) AS array_to_string(l, s)
list_select(l, places) AS list_transform(places, lambda place__ : list_extract(l, place__))
array_select(l, places) AS list_transform(places, lambda place__ : list_extract(l, place__))
list_except(l, other) AS list_filter(list_distinct(l), lambda value__ : NOT list_contains(other, value__))
map_contains_entry(m, k, v) AS len(list_filter(map_entries(m), lambda e__ : e__.key = k AND e__.value = v)) > 0
map_contains_value(m, v) AS list_contains(map_values(m), v)
list_dot_product(a, b) AS list_sum(list_transform(list_zip(a, b), lambda p__ : (p__.element1 * p__.element2)::DOUBLE))
list_inner_product(a, b) AS list_dot_product(a, b)
array_dot_product(a, b) AS list_dot_product(a, b)
array_inner_product(a, b) AS list_dot_product(a, b)
array_cross_product(a, b) AS [a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1]]
list_negative_inner_product(a, b) AS -list_dot_product(a, b)
list_negative_dot_product(a, b) AS -list_dot_product(a, b)
array_negative_dot_product(a, b) AS -list_dot_product(a, b)
array_negative_inner_product(a, b) AS -list_dot_product(a, b)
squares__(p) AS list_sum(list_transform(p, lambda p__ : (p__.element1 - p__.element2)::DOUBLE ** 2))
euclidean_distance(a, b) AS sqrt(squares__(list_zip(a, b)))
array_distance(a, b) AS euclidean_distance(a, b)
list_cosine_similarity(a, b) AS list_dot_product(a, b) / (sqrt(list_dot_product(a, a)) * sqrt(list_dot_product(b, b)))
array_cosine_similarity(a, b) AS list_cosine_similarity(a, b)
cosine_distance(a, b) AS 1 - list_cosine_similarity(a, b)
array_cosine_distance(a, b) AS 1 - list_cosine_similarity(a, b)
pg_typeof(x) AS lower(typeof(x))
generate_subscripts(l, d) AS unnest(generate_series(1, len(l)))
regexp_split_to_table(s, p) AS unnest(string_split_regex(s, p))
user() AS 'volley'
current_user() AS 'volley'
current_database() AS 'memory'
current_catalog() AS 'memory'
current_schema() AS 'main'
version() AS 'volley'
current_version() AS 'volley'
duckdb_tables() AS TABLE SELECT 'memory' AS database_name, table_schema AS schema_name, table_name, false AS internal, false AS temporary FROM information_schema.tables WHERE table_type = 'BASE TABLE'
duckdb_views() AS TABLE SELECT 'memory' AS database_name, table_schema AS schema_name, table_name AS view_name, false AS internal, false AS temporary FROM information_schema.tables WHERE table_type = 'VIEW'
duckdb_columns() AS TABLE SELECT 'memory' AS database_name, table_schema AS schema_name, table_name, column_name, ordinal_position AS column_index, false AS internal, column_default, is_nullable = 'YES' AS is_nullable, data_type FROM information_schema.columns
duckdb_schemas() AS TABLE SELECT 'memory' AS database_name, schema_name, false AS internal FROM information_schema.schemata
pragma_table_info(t) AS TABLE SELECT (ordinal_position - 1)::INTEGER AS cid, column_name AS name, data_type AS type, is_nullable = 'NO' AS "notnull", column_default AS dflt_value, is_primary AS pk FROM information_schema.columns WHERE table_name = t ORDER BY ordinal_position
"""


@cache
def _texts() -> dict[str, list[str]]:
    """Return the lines of each name."""
    found: dict[str, list[str]] = {}
    for line in OWN_MACROS.strip().splitlines():
        found.setdefault(line.partition("(")[0], []).append(line)
    return found


def own_macro_names() -> Collection[str]:
    """Return the names of all."""
    return _texts().keys()


@cache
def own_macro(name: str) -> tuple[tuple[tuple[str, ...], exp.Expr, bool], ...]:
    """Return parameters, body and whether it stands in FROM of each form of a function; nothing for other names."""
    made: list[tuple[tuple[str, ...], exp.Expr, bool]] = []
    for line in _texts().get(name, ()):
        head, _, body = line.partition(" AS ")
        inside = head.partition("(")[2].rstrip(")")
        parameters = tuple(part.strip() for part in inside.split(",") if part.strip())
        if body.startswith("TABLE "):
            made.append((parameters, sqlglot.parse_one(body.removeprefix("TABLE "), dialect="duckdb"), True))
        else:
            made.append((parameters, sqlglot.parse_one(f"SELECT {body}", dialect="duckdb").expressions[0], False))
    return tuple(made)
