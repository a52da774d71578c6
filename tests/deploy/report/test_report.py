"""The page is whole, refers to nothing outside, escapes what it shows, and leaves empty sections out."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from volley.deploy.report import ReportData, figures, render
from volley.deploy.report.contents import ColumnProfile, Distribution, Fact, Interval, PlanText, TableProfile
from volley.deploy.report.data import profile
from volley.deploy.report.markup import Markup, tag

_VOID = {"meta", "br", "hr", "img", "link"}


class Nesting(HTMLParser):
    """Fails where an element is closed that is not the open one."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [(name, value or "") for name, value in attrs if name in ("href", "src", "action", "srcset")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Nesting:
    parser = Nesting()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_page_is_well_formed_and_self_contained(report_data: ReportData) -> None:
    page = render(report_data)
    found = parsed(page)
    assert page.startswith("<!doctype html>\n<html lang=")
    assert "script" not in found.seen
    assert "link" not in found.seen
    assert not re.search(r"@import|url\(", page)
    for name, target in found.links:
        assert name == "href"
        assert not target.startswith(("http:", "https:", "//"))


def test_every_link_of_the_navigation_has_its_section(report_data: ReportData) -> None:
    page = render(report_data)
    targets = [target[1:] for _, target in parsed(page).links if target.startswith("#")]
    assert targets == re.findall(r'<section id="(\w+)"', page)
    assert len(targets) == 10


def test_every_class_of_a_drawing_has_a_style(report_data: ReportData) -> None:
    page = render(report_data)
    style, body = page.split("</style>")
    drawings = re.findall(r"<svg.*?</svg>", body)
    assert len(drawings) > 30
    used = {name for drawing in drawings for group in re.findall(r'class="([^"]+)"', drawing) for name in group.split()}
    styled = set(re.findall(r"\.([a-z][\w-]*)", style))
    assert used - styled <= {"tick"}


def test_figures_of_the_data_are_on_the_page(report_data: ReportData) -> None:
    page = render(report_data)
    for text in (
        "Passed with warnings",
        "277,677",
        "0.893",
        "9f9f9f9f9f9f9f9f",
        "Too few rows: Native Hawaiian (12)",
        "SEX × RAC1P",
        "5.84 s",
    ):
        assert text in page


def test_empty_sections_are_left_out(report_data: ReportData) -> None:
    bare = replace(
        report_data,
        profile=None,
        checks=(),
        models=(),
        explanation=None,
        fairness=None,
        plans=(),
        outputs=(),
    )
    page = render(bare)
    parsed(page)
    assert re.findall(r'<section id="(\w+)"', page) == ["inputs", "steps", "environment"]


def test_text_is_escaped(report_data: ReportData) -> None:
    hostile = "<script>alert('x')</script>&\""
    page = render(
        replace(
            report_data,
            name=hostile,
            description=hostile,
            summary=hostile,
            headline=(Fact(label=hostile, value=hostile),),
            plans=(PlanText(table=hostile, text=hostile),),
        )
    )
    assert "<script" not in page
    assert "script" not in parsed(page).seen


def test_intervals_without_bounds_and_missing_metrics_draw(report_data: ReportData) -> None:
    assert report_data.fairness is not None
    slices = tuple(
        replace(row, metrics={name: Interval(value=value.value) for name, value in row.metrics.items()})
        for row in report_data.fairness.slices
    )
    page = render(replace(report_data, fairness=replace(report_data.fairness, slices=slices)))
    assert "whisker" not in page.split("</style>")[1]


def test_one_model_has_no_best_figure(report_data: ReportData) -> None:
    page = render(replace(report_data, models=report_data.models[:1]))
    assert 'class="best"' not in page
    assert render(report_data).count('class="best"') == 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (612_332, "612 kB"),
        (999_600, "1.0 MB"),
        (3.2e12, "3.2 TB"),
        (None, "–"),
    ],
)
def test_byte_sizes(value: int | None, text: str) -> None:
    assert figures.byte_size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.042, "42 ms"), (0.42, "0.42 s"), (12.34, "12.3 s"), (59.99, "60.0 s"), (185, "3 min 05 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 9, "0%"),
        (1, 100_000, "<0.1%"),
        (99_999, 100_000, ">99.9%"),
        (1, 3, "33%"),
        (1, 30, "3.3%"),
        (5, 5, "100%"),
        (0, 0, "–"),
    ],
)
def test_shares_never_round_to_a_wrong_certainty(part: int, whole: int, text: str) -> None:
    assert figures.share(part, whole) == text


def test_ticks_are_round_and_inside() -> None:
    assert figures.ticks(0.0, 1.0, 4) == [0.0, 0.5, 1.0]
    assert figures.ticks(-2.3, 2.4, 5) == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert figures.ticks(3.0, 3.0, 4) == [3.0]


def test_markup_escapes_text_but_not_markup() -> None:
    assert tag("p", "a<b", Markup("<br/>"), None, ["c", "d"]) == "<p>a&lt;b<br/>cd</p>"
    assert tag("rect", x=1.0, stroke_width=0.256, class_='a"b', hidden=True, id=None) == (
        '<rect x="1" stroke-width="0.26" class="a&quot;b" hidden/>'
    )


def test_times_of_the_profile_are_broken_between_words_and_empty_texts_are_named():
    columns = (
        ColumnProfile(name="t", type="timestamp", nulls=0, distinct=2, low="2024-01-01 00:01:53", high="2024-02-01"),
        ColumnProfile(
            name="s",
            type="string",
            nulls=0,
            distinct=2,
            distribution=Distribution(numeric=False, labels=("", "a"), counts=(3, 1)),
        ),
    )
    text = str(profile(TableProfile(table="t", rows=4, profiled=4, columns=columns)))
    assert '<span class="word">2024-01-01</span> <span class="word">00:01:53</span>' in text
    assert ">2024-02-01<" in text
    assert "(empty) 75% · a 25%" in text
