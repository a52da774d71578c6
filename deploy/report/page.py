"""The page: header, navigation, sections, style sheet; nothing is fetched from anywhere."""

from __future__ import annotations

from importlib import resources

from . import audit, data, models, run
from .contents import Fact, ReportData, Verdict
from .markup import Markup, join, tag

_VERDICTS: dict[Verdict, str] = {"passed": "Passed", "warnings": "Passed with warnings", "failed": "Failed"}


def render(report: ReportData) -> str:
    """Return the whole report as one HTML document.

    Parameters
    ----------
    report
        What to show. Sections without content are left out.

    Returns
    -------
    str
        UTF-8 text with the style sheet and every drawing inside; it refers to no other file, holds no script, and
        follows the reader's light or dark setting.
    """
    sections = [section for section in (*_sections(report),) if section is not None]
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        Markup('<meta charset="utf-8"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{report.name} · Volley report"),
        tag("style", Markup(style)),
    )
    links = tag("nav", (tag("a", title, href=f"#{key}") for key, title, _ in sections), aria_label="Sections")
    body = [_section(key, title, content) for key, title, content in sections]
    main = tag("main", _header(report), body, _footer(report))
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('div', links, main, class_='page')), lang='en')}\n"


def _sections(report: ReportData) -> list[tuple[str, str, Markup] | None]:
    profile = data.profile(report.profile) if report.profile else None
    return [
        ("inputs", "Inputs", data.inputs(report.inputs)) if report.inputs else None,
        ("profile", "Data profile", profile) if profile else None,
        ("quality", "Checks", data.checks(report.checks)) if report.checks else None,
        ("models", "Models", models.comparison(report.models)) if report.models else None,
        ("explanation", "Explanation", models.explanation(report.explanation)) if report.explanation else None,
        ("fairness", "Fairness", audit.fairness(report.fairness)) if report.fairness else None,
        ("plan", "Plan", run.plans(report.plans)) if report.plans else None,
        ("steps", "Steps", run.steps(report.steps)) if report.steps else None,
        ("outputs", "Outputs", run.outputs(report.outputs)) if report.outputs else None,
        ("environment", "Environment", run.environment(report.environment)) if report.environment else None,
    ]


def _section(key: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=key)


def _header(report: ReportData) -> Markup:
    verdict = tag("span", _VERDICTS[report.verdict], class_=f"verdict {report.verdict}")
    return tag(
        "header",
        tag("p", "Volley job report", class_="eyebrow"),
        tag("h1", report.name),
        tag("p", report.description, class_="lead") if report.description else None,
        tag("p", verdict, tag("span", report.summary), class_="outcome"),
        tag("dl", (_tile(fact) for fact in report.headline), class_="tiles"),
    )


def _tile(fact: Fact) -> Markup:
    return tag("div", tag("dt", fact.label), tag("dd", fact.value))


def _footer(report: ReportData) -> Markup:
    return tag("footer", join("Finished ", report.finished, ". Every figure comes from manifest.json and the outputs."))
