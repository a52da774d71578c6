from __future__ import annotations

import pytest

from volley.engine.expr.regex import named_groups


@pytest.mark.parametrize(
    ("pattern", "named", "groups"),
    [
        ("ab", "(?P<g0>ab)", 0),
        ("a(b)", "(?P<g0>a(?P<g1>b))", 1),
        (r"\(a\)(b)", r"(?P<g0>\(a\)(?P<g1>b))", 1),
        ("[(](a)", "(?P<g0>[(](?P<g1>a))", 1),
        ("[]()](a)", "(?P<g0>[]()](?P<g1>a))", 1),
        ("[^](](a)", "(?P<g0>[^](](?P<g1>a))", 1),
        (r"[\](](a)", r"(?P<g0>[\](](?P<g1>a))", 1),
        ("(?:a)(?i)(b)", "(?P<g0>(?:a)(?i)(?P<g1>b))", 1),
        ("(?P<x>a)(?<y>b)", "(?P<g0>(?P<g1>a)(?P<g2>b))", 2),
        ("((a)b)", "(?P<g0>(?P<g1>(?P<g2>a)b))", 2),
    ],
)
def test_every_capturing_group_gets_a_name(pattern: str, named: str, groups: int) -> None:
    assert named_groups(pattern) == (named, [f"g{n}" for n in range(groups + 1)])
