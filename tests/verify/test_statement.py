"""What a statement holds besides what was found."""

import time

from tests.verify.test_command import CLEAN
from transcoder.verify.inspector import Inspector
from transcoder.verify.payload import split_annex_b
from transcoder.verify.statement import NOT_PROMISED, Reading, sentence, statement


def inspected(*, is_clean: bool = True) -> Inspector:
    inspector = Inspector([])
    inspector.byte_stream("NAL units", split_annex_b(CLEAN))
    if not is_clean:
        inspector.stray(b"x")
    inspector.finish()
    return inspector


def reading(*, is_complete: bool = True) -> Reading:
    return Reading(
        source="rtsp://h:554/a",
        transport="tcp",
        started=1_790_000_000.5,
        asked_s=60,
        read_s=3.21,
        is_complete=is_complete,
    )


def test_what_a_statement_says() -> None:
    made = statement(inspected(), reading())
    assert (made["verdict"], made["clean"], made["complete"], made["sentence"]) == ("clean", True, True, "clean")
    assert made["started"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_790_000_000))
    assert (made["seconds_asked"], made["seconds_read"], made["pictures"]) == (60, 3.2, 3)
    assert made["not_promised"] == list(NOT_PROMISED)


def test_it_says_in_words_what_it_does_not_promise() -> None:
    words = " ".join(NOT_PROMISED)
    for part in ("burnt into the picture", "in-picture watermarks", "not decoded", "the time that was read"):
        assert part in words


def test_cut_short_is_never_clean() -> None:
    made = statement(inspected(), reading(is_complete=False))
    assert (made["verdict"], made["clean"]) == ("clean", False)
    assert made["sentence"] == "clean so far (cut short after 3.2 of 60 s)"
    unclean = inspected(is_clean=False)
    assert sentence(unclean, reading(is_complete=False)) == "not clean (cut short after 3.2 of 60 s)"
    recording = Reading(source="a.h264", transport="file", started=0, is_complete=False)
    assert sentence(inspected(), recording) == "clean so far (cut short)"


def test_what_is_relayed_is_never_called_clean() -> None:
    inspector = Inspector([])
    inspector.byte_stream("x", split_annex_b(CLEAN))
    inspector.lines["a=x-relayed"] += 1
    inspector.finish()
    assert not inspector.problems
    told = sentence(inspector, reading())
    assert told == "nothing to judge: relayed: pixels were not decoded"
