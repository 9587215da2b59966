"""Two figures of the page have a chart above their table, made of the same rows."""

from transcoder.report.charts import bars, stacked
from transcoder.report.figures import Cell, Figure
from transcoder.report.texts import Texts


def chart_of(figure: Figure, texts: Texts) -> str:
    """Return the chart of a figure, "" for a figure that has none.

    Args:
        figure: the figure.
        texts: the words of a language.
    """
    if not figure.rows:
        return ""
    title, description = (
        (texts(f"chart.{figure.name}_{part}") for part in ("title", "desc"))
        if figure.name in {"years", "makers"}
        else ("", "")
    )
    if figure.name == "years":
        legend = (texts("chart.planned"), texts("chart.done"))
        rows = [
            (str(row[0]), [_number(row[2]), *([_number(row[3])] if row[3] is not None else [])]) for row in figure.rows
        ]
        return bars("chart-years", title, description, legend, rows)
    if figure.name == "makers":
        at = {column: index for index, column in enumerate(figure.columns)}
        words = (texts("figure.out"), texts("figure.behind"), texts("figure.exempt"), texts("figure.neither"))
        parts = []
        for row in figure.rows:
            number = {column: _number(row[index]) for column, index in at.items() if index}
            maker = texts("not_told") if row[0] == "unknown" else str(row[0])
            out = number["replaced"] + number["retired"]
            parts.append((maker, [out, number["cleaned"], number["exempt"], number["legacy"]]))
        return stacked("chart-makers", title, description, words, parts)
    return ""


def _number(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0
