"""The report is one page of HTML: without scripts, without anything outside it, for everybody's eyes and for paper.

Source: WCAG 2.1, levels A and AA: 1.1.1 (charts have a text), 1.3.1 (tables have headers), 1.4.1 (no information by
colour alone), 1.4.3 (contrast), 1.4.10 (320 CSS pixels), 2.4.1 (a way past the contents), 3.1.1 (language).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from typing import Final

from transcoder.report.dataset import Audience, Report
from transcoder.report.figures import Cell, Figure, Section
from transcoder.report.page_charts import chart_of
from transcoder.report.sentence import sentences
from transcoder.report.style import STYLE
from transcoder.report.texts import Texts

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_WORDS: Final[Mapping[str, str]] = {
    "state": "state",
    "maker_by": "by",
    "stripped": "stripped",
    "network": "network",
    "table": "table",
    "incident": "incident",
}
"""The columns whose cells are words of the product, and the group of texts that has them."""
_SHORT: Final = 16
"""Digits of the audit log's hash beside each figure; the whole hash stands at the top, and in the data."""
_LISTED: Final[Mapping[Audience, frozenset[str]]] = {
    "public": frozenset(
        {
            "id", "title", "site", "location_public", "maker", "brand", "scope", "state", "out_on", "planned",
            "exempt_until", "successor",
        }
    ),
    "internal": frozenset(
        {
            "id", "title", "site", "maker", "state", "out_on", "planned", "because", "address", "location_exact",
            "model", "firmware",
        }
    ),
}  # fmt: skip
"""The columns of the list of assets that a page has room for; the files have all of them."""
_ANSWERS: Final = ("yes", "no", "unknown")


def page(report: Report, texts: Texts, fingerprint: str) -> str:
    """Return the page.

    Args:
        report: the report.
        texts: the words of a language.
        fingerprint: the fingerprint of the key that signs the data.
    """
    title = f"{texts('title')}: {report.basis.node}" if report.basis.node else texts("title")
    return (
        f'<!DOCTYPE html>\n<html lang="{texts.language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#report">{escape(texts("skip"))}</a>\n'
        f"<header>\n<h1>{escape(title)}</h1>\n{_about(report, texts)}</header>\n{_contents(report, texts)}"
        f'<main id="report">\n{"".join(_sections(report, texts))}</main>\n'
        f"<footer>\n<p>{_code(texts('note.signed', fingerprint=fingerprint))}</p>\n</footer>\n</body>\n</html>\n"
    )


def _about(report: Report, texts: Texts) -> str:
    period = texts(
        "about_line.period_text", since=report.period.since.isoformat(), until=report.period.until.isoformat()
    )
    lines = {
        "audience": texts(f"audience.{report.audience}"),
        "node": report.basis.node,
        "at": report.basis.at,
        "period": period,
        "audit_head": report.basis.audit_head or texts("note.no_audit"),
        "product_version": report.basis.version,
    }
    items = "".join(
        f"<dt>{escape(texts(f'about_line.{name}'))}</dt><dd>{escape(value)}</dd>\n" for name, value in lines.items()
    )
    return f'<dl class="about">\n{items}</dl>\n'


def _contents(report: Report, texts: Texts) -> str:
    names = [section.name for section in report.sections]
    if report.audience == "public":
        names.insert(-1, "left_out")
    links = "".join(f'<li><a href="#{name}">{escape(texts(f"section.{name}"))}</a></li>\n' for name in names)
    label = escape(texts("contents"))
    return f'<nav aria-label="{label}">\n<ul>\n{links}</ul>\n</nav>\n'


def _sections(report: Report, texts: Texts) -> Iterable[str]:
    for section in report.sections:
        if section.name == "assets" and report.audience == "public":
            yield _section("left_out", _left_out(report, texts), texts)
        yield _section(section.name, "".join(_content(report, section, texts)), texts)


def _section(name: str, content: str, texts: Texts) -> str:
    heading = f'<h2 id="{name}-heading">{escape(texts(f"section.{name}"))}</h2>\n'
    return f'<section id="{name}" aria-labelledby="{name}-heading">\n{heading}{content}</section>\n'


def _content(report: Report, section: Section, texts: Texts) -> Iterable[str]:
    if section.name == "totals":
        first, *others = sentences(report, texts)
        yield f'<p class="sentence">{escape(first)}</p>\n'
        yield "".join(f"<p>{escape(text)}</p>\n" for text in others)
    if section.name == "method":
        yield "".join(f"<p>{escape(text)}</p>\n" for text in texts.items("method.paragraphs"))
        yield f"<h3>{escape(texts('method.limits_title'))}</h3>\n<ul>\n"
        yield "".join(f"<li>{escape(text)}</li>\n" for text in texts.items("method.limits")) + "</ul>\n"
    else:
        yield f"<p>{escape(texts(f'intro.{section.name}'))}</p>\n"
    numbers = [figure for figure in section.figures if not figure.columns]
    if numbers:
        yield _numbers(numbers, report, texts)
    for figure in section.figures:
        if figure.columns:
            yield f"<h3>{escape(texts(f'figure.{figure.name}'))}</h3>\n"
            yield chart_of(figure, texts)
            is_list = figure.name == "assets"
            yield _table(_listed(figure, report.audience) if is_list else figure, report, texts)
            if is_list:
                yield f"<p>{escape(texts('note.more_columns'))}</p>\n"


def _numbers(figures: Iterable[Figure], report: Report, texts: Texts) -> str:
    """Return a list of numbers, each with its question."""
    items = "".join(
        f"<dt>{escape(texts(f'figure.{figure.name}'))}</dt>\n<dd><strong>{_value(figure.value, texts)}</strong> "
        f"{_query(figure, texts)}</dd>\n"
        for figure in figures
    )
    return f'<dl class="numbers">\n{items}</dl>\n{_basis(report, texts)}'


def _value(value: Cell, texts: Texts) -> str:
    if isinstance(value, int):
        return escape(texts.number(value))
    return escape(value) if value is not None else escape(texts("nothing"))


def _table(figure: Figure, report: Report, texts: Texts) -> str:
    if not figure.rows:
        missing = figure.name == "network"
        return f"<p>{escape(texts('note.no_network' if missing else 'note.no_rows'))}</p>\n"
    titles = [texts(f"column.{column}") for column in figure.columns]
    head = "".join(f'<th scope="col" role="columnheader">{escape(title)}</th>' for title in titles)
    body = "".join(_row(figure, row, titles, texts) for row in figure.rows)
    note = ""
    if figure.name == "stripped" and any(row[-1] is None for row in figure.rows):
        note = f"<p>{escape(texts('note.no_counts'))}</p>\n"
    return (
        f'<table role="table">\n<caption>{escape(texts(f"figure.{figure.name}"))}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{body}</tbody>\n</table>\n'
        f'{note}<p class="query">{_query(figure, texts)}</p>\n{_basis(report, texts)}'
    )


def _listed(figure: Figure, audience: Audience) -> Figure:
    """Return the list of assets with the columns that a page has room for, and that say anything of any asset."""
    kept = [
        index
        for index, column in enumerate(figure.columns)
        if column in _LISTED[audience] and any(row[index] is not None for row in figure.rows)
    ]
    columns = tuple(figure.columns[index] for index in kept)
    return replace(figure, columns=columns, rows=[[row[index] for index in kept] for row in figure.rows])


def _row(figure: Figure, row: Iterable[Cell], titles: Iterable[str], texts: Texts) -> str:
    cells = []
    for index, (column, title, cell) in enumerate(zip(figure.columns, titles, row, strict=True)):
        text = escape(_cell(column, cell, texts))
        label = escape(title, quote=True)
        number = ' class="number"' if isinstance(cell, int) else ""
        if index == 0:
            cells.append(f'<th scope="row" role="rowheader" data-label="{label}">{text}</th>')
        else:
            cells.append(f'<td role="cell" data-label="{label}"{number}>{text}</td>')
    return f'<tr role="row">{"".join(cells)}</tr>\n'


def _cell(column: str, cell: Cell, texts: Texts) -> str:
    if isinstance(cell, int):
        return texts.number(cell)
    if column == "site" and not cell:
        return texts("no_site")
    if cell is None:
        return "-"
    if column == "older_than_fix" and cell in _ANSWERS:
        return texts(f"column.{cell}")
    if column == "maker" and cell == "unknown":
        return texts("not_told")
    return texts.word(_WORDS[column], cell) if column in _WORDS else cell


def _left_out(report: Report, texts: Texts) -> str:
    known = {**texts.group("figure"), **texts.group("column")}
    items = "".join(
        f"<li>{escape(known[name])}: {escape(texts.number(number))}</li>\n"
        for name, number in sorted(report.left_out.items())
        if number
    )
    return f"<p>{escape(texts('intro.left_out'))}</p>\n" + (f"<ul>\n{items}</ul>\n" if items else "")


def _query(figure: Figure, texts: Texts) -> str:
    return f'<span class="query">{escape(texts("note.query"))}: <code lang="en">{escape(figure.query)}</code></span>'


def _basis(report: Report, texts: Texts) -> str:
    basis = report.basis
    told = texts(
        "note.basis",
        at=basis.at,
        audit_head=basis.audit_head[:_SHORT] or texts("note.no_audit"),
        product_version=basis.version,
    )
    return f'<p class="basis">{escape(told)}</p>\n'


def _code(text: str) -> str:
    """Return a text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
