from transcoder.lab.demo.stripped import describe
from transcoder.ledger import Ledger


def test_words() -> None:
    ledger = Ledger()
    ledger.count("rtsp_media", "metadata media")
    ledger.count("rtp_payload_type", "private payload type 112", count=436)
    ledger.count("nal_in", "h264 type 6", count=230)
    ledger.count("nal_in", "h264 type 12", count=3)
    ledger.count("nal_in", "h264 type 22", count=2)
    ledger.count("something_new", "odd")
    assert describe([ledger]) == (
        "235 NAL units (SEI 230, filler 3, type 22 2), 436 RTP packets of foreign type (112), "
        "1 media never set up (metadata media), 1 something new (odd)"
    )


def test_the_most_frequent_kinds_of_several_streams() -> None:
    ledgers = [Ledger(), Ledger()]
    for number in range(1, 6):
        ledgers[number % 2].count("rtp_payload_type", f"private payload type {number}", count=number)
        ledgers[0].count("rtp_payload_type", "private payload type 5")
    assert describe(ledgers) == "20 RTP packets of foreign type (5 10, 4 4, 3 3, 2 2, ...)"


def test_a_kind_that_is_not_known() -> None:
    ledger = Ledger()
    ledger.count("nal_in", "other")
    ledger.count("nal_in", "h265 type 39")
    assert describe([ledger]) == "2 NAL units (other 1, prefix SEI 1)"


def test_nothing() -> None:
    assert describe([]) == "nothing yet"
