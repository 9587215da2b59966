"""The order in which the addresses of a name are tried."""

from transcoder.source.addresses import AddressOrder

THREE = ["::1", "10.0.0.1", "10.0.0.2"]


def test_each_address_has_its_turn_until_a_picture_comes() -> None:
    order = AddressOrder()
    tried = []
    for _ in range(4):
        tried.append(order.arrange(THREE)[0])
        order.note(tried[-1], gave_picture=False)
    assert tried == ["::1", "10.0.0.1", "10.0.0.2", "::1"]
    order.note("10.0.0.2", gave_picture=True)
    assert order.arrange(THREE) == ("10.0.0.2", "10.0.0.1", "::1")


def test_an_address_that_the_name_has_no_more_is_forgotten() -> None:
    order = AddressOrder()
    order.note("10.0.0.1", gave_picture=False)
    assert order.arrange(["10.0.0.7"]) == ("10.0.0.7",)
    assert order.arrange(THREE) == tuple(THREE)


def test_where_no_connection_stood_nothing_is_known() -> None:
    order = AddressOrder()
    order.note("", gave_picture=False)
    assert order.arrange(THREE) == tuple(THREE)
