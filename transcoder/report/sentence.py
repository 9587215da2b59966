"""The report begins with one sentence, and with what it does not cover."""

from collections.abc import Iterator

from transcoder.report.dataset import Report
from transcoder.report.texts import Texts


def sentences(report: Report, texts: Texts) -> Iterator[str]:
    """Yield the sentence that tells where the phase-out stands, and those that say what is not known.

    Args:
        report: the report.
        texts: the words of a language.
    """

    def number(name: str) -> int:
        value = report.figure("totals", name).value
        return value if isinstance(value, int) else 0

    if not number("in_scope"):
        yield texts("sentence.none")
    else:
        parts = {name: texts.counted(f"sentence.{name}", number(name)) for name in ("in_scope", "out", "behind")}
        parts |= {name: texts.counted(f"sentence.{name}", number(name)) for name in ("exempt", "neither")}
        yield texts("sentence.whole", **parts, last=_last(report, texts, number("in_scope") == number("out")))
    if not report.has_state:
        yield texts("sentence.no_state")
    for name in ("unplanned", "unknown"):
        if number(name):
            yield texts.counted(f"sentence.{name}", number(name))


def _last(report: Report, texts: Texts, is_done: bool) -> str:
    planned = report.figure("totals", "last").value
    if is_done:
        return texts("sentence.last_done")
    return texts("sentence.last", last=texts.plan(planned)) if isinstance(planned, str) else texts("sentence.last_none")
