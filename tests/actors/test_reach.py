"""Which addresses a message may be sent to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from actors.reach import is_allowed_inside, why_refused


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1",
        "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.1.2.3",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
        "2001:0:7f00:1::1",
    ],
)  # fmt: skip
def test_an_address_inside_is_refused_in_whatever_form(address: str) -> None:
    assert why_refused(ip_address(address), ()) is not None


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_an_address_of_the_world_outside_may_be_reached(address: str) -> None:
    assert why_refused(ip_address(address), ()) is None
    assert not is_allowed_inside(ip_address(address), ())


def test_a_network_that_the_operator_allowed_may_be_reached_and_no_other() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("127.0.0.1/32"))
    for address in ("10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3"):
        assert why_refused(ip_address(address), allowed) is None
        assert is_allowed_inside(ip_address(address), allowed)
    for address in ("10.2.0.1", "127.0.0.2", "::1"):
        assert why_refused(ip_address(address), allowed) is not None
