"""Which addresses a page may come from."""

import pytest

from counterpoint.errors import ConfigurationError
from counterpoint.tools.addresses import may_be_fetched, networks, read_address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104 (it is refused)
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.251",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "100::1",
        "5f00::1",
    ],
)
def test_what_is_not_public_may_not_be_fetched(address: str) -> None:
    assert not may_be_fetched(read_address(address), ())


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"],
)
def test_what_is_public_may_be_fetched(address: str) -> None:
    assert may_be_fetched(read_address(address), ())


def test_the_application_may_allow_networks_of_its_own() -> None:
    allowed = networks(["192.168.1.0/24", "fd00::/64", "10.0.0.5"])
    assert may_be_fetched(read_address("192.168.1.7"), allowed)
    assert may_be_fetched(read_address("::ffff:192.168.1.7"), allowed)
    assert may_be_fetched(read_address("fd00::7"), allowed)
    assert may_be_fetched(read_address("10.0.0.5"), allowed)
    assert not may_be_fetched(read_address("192.168.2.7"), allowed)
    assert not may_be_fetched(read_address("10.0.0.6"), allowed)


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0.1/8", ""])
def test_what_is_no_network_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ConfigurationError, match="takes networks, such as"):
        networks([text])
