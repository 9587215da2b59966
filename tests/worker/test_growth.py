"""One output whose pictures change their size: when it follows them, and when it scales them."""

from dataclasses import replace

from tests.support.shown_chain import FORMAT, Chain, decoded
from transcoder.ipc.messages import REPEATED

# sizes that cost little, each half as large again as the one before, or more
BEGUN = (160, 120)
LARGE = (320, 240)


def grown(chain: Chain, count: int, size: tuple[int, int]) -> None:
    for _ in range(count):
        chain.show(decoded(chain.index, size))


def test_an_output_follows_pictures_that_grow_for_good() -> None:
    """Foscam R2: described and begun at 720p, 1080p a moment later; once, after 10 s."""
    chain = Chain()
    grown(chain, 100, BEGUN)
    grown(chain, 249, LARGE)
    assert [(made["output"]["width"], made["output"]["height"]) for made in chain.formats] == [BEGUN]
    grown(chain, 10, LARGE)
    assert [(made["output"]["width"], made["output"]["height"]) for made in chain.formats] == [BEGUN, LARGE]
    assert chain.formats[1]["output"]["frame_rate"] == chain.formats[0]["output"]["frame_rate"]
    [coded] = chain.show(decoded(chain.index, LARGE))
    assert not coded.flags & REPEATED
    grown(chain, 600, (480, 360))
    grown(chain, 600, BEGUN)
    assert len(chain.formats) == 2


def test_an_output_does_not_follow_pictures_that_change_to_and_fro() -> None:
    chain = Chain()
    for _ in range(6):
        grown(chain, 150, BEGUN)
        grown(chain, 240, LARGE)
    assert len(chain.formats) == 1


def test_an_output_of_a_fixed_size_never_follows() -> None:
    chain = Chain(size=BEGUN)
    grown(chain, 50, BEGUN)
    grown(chain, 400, LARGE)
    assert [(made["output"]["width"], made["output"]["height"]) for made in chain.formats] == [BEGUN]


def sizes(chain: Chain) -> list[tuple[int, int]]:
    return [(made["output"]["width"], made["output"]["height"]) for made in chain.formats]


def test_an_output_keeps_its_size_over_a_swap_of_the_camera_until_nobody_reads() -> None:
    """A camera that was swapped for a larger one is larger for good: that ends no reader's session."""
    chain = Chain()
    grown(chain, 50, BEGUN)
    chain.chain.configure(replace(chain.options, swaps=1))
    grown(chain, 400, LARGE)
    assert sizes(chain) == [BEGUN]
    chain.chain.note_unread()
    grown(chain, 2, LARGE)
    assert sizes(chain) == [BEGUN, LARGE]
    chain.chain.configure(replace(chain.options, swaps=2))  # and back, to pictures that are smaller
    grown(chain, 50, BEGUN)
    assert sizes(chain) == [BEGUN, LARGE]
    chain.chain.note_unread()
    grown(chain, 2, BEGUN)
    assert sizes(chain) == [BEGUN, LARGE, BEGUN]


def test_a_worker_that_comes_after_a_swap_keeps_the_size_too() -> None:
    chain = Chain(swaps=1)
    grown(chain, 50, BEGUN)
    grown(chain, 400, LARGE)
    assert sizes(chain) == [BEGUN]


def test_an_output_that_nobody_reads_follows_at_once_and_each_time() -> None:
    chain = Chain()
    grown(chain, 50, BEGUN)
    grown(chain, 30, LARGE)
    assert sizes(chain) == [BEGUN]
    chain.chain.note_unread()
    grown(chain, 1, LARGE)
    assert sizes(chain) == [BEGUN, LARGE]
    grown(chain, 300, (480, 360))  # with readers again: once, after 10 s
    assert sizes(chain) == [BEGUN, LARGE, (480, 360)]
    grown(chain, 300, (640, 480))
    assert len(chain.formats) == 3
    chain.chain.note_unread()
    grown(chain, 1, (640, 480))
    assert sizes(chain)[3:] == [(640, 480)]
    chain.chain.note_unread()
    grown(chain, 50, BEGUN)  # a camera that shrinks, or changes to and fro, is scaled
    assert len(chain.formats) == 4


def test_a_single_large_picture_is_no_growth_even_if_nobody_reads() -> None:
    chain = Chain()
    grown(chain, 50, BEGUN)
    for _ in range(20):
        chain.chain.note_unread()
        grown(chain, 20, LARGE)
        grown(chain, 1, BEGUN)
    assert sizes(chain) == [BEGUN]


def test_a_size_that_is_fixed_by_hand_never_follows() -> None:
    chain = Chain(size=BEGUN)
    grown(chain, 50, BEGUN)
    for _ in range(10):
        chain.chain.note_unread()
        grown(chain, 40, LARGE)
    assert sizes(chain) == [BEGUN]


def test_a_later_worker_follows_growth_too() -> None:
    chain = Chain(fixed=replace(FORMAT, width=BEGUN[0], height=BEGUN[1]))
    grown(chain, 300, LARGE)
    assert [(made["output"]["width"], made["output"]["height"]) for made in chain.formats] == [LARGE]
