"""Which network addresses a page may be fetched from: public ones, and those that the application allows. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from counterpoint.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a NAT64 gateway writes them."""

_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and where cloud providers put their metadata
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast and reserved
        "2001::/23",  # among them Teredo, which embeds IPv4
        "2001:db8::/32",
        "2002::/16",  # 6to4, which embeds IPv4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def networks(allowed: Iterable[str]) -> tuple[Network, ...]:
    """Raises `ConfigurationError` for what is neither an address nor a network."""
    try:
        return tuple(ip_network(text) for text in allowed)
    except ValueError as error:
        raise ConfigurationError(f"fetch(allow=...) takes networks, such as 192.168.1.0/24: {error}") from error


def read_address(text: str) -> Address:
    """The address that is really spoken to: IPv4 in its IPv6 clothes counts as IPv4."""
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def may_be_fetched(address: Address, allowed: Iterable[Network]) -> bool:
    if any(address.version == network.version and address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address.version == network.version and address in network for network in _NOT_PUBLIC)
