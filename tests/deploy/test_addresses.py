"""Which address is free, and which port the private registry gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from deploy.local.addresses import Address, any_free_port, choose_registry_port, read_address, why_not_free
from deploy.local.refusal import Refusal


@pytest.fixture
def taken() -> Iterator[Address]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield Address("127.0.0.1", listener.getsockname()[1])


def test_an_address_where_somebody_listens_is_not_free(taken: Address) -> None:
    assert why_not_free(taken) == "Address already in use"


def test_looking_whether_an_address_is_free_leaves_it_free() -> None:
    address = Address("127.0.0.1", any_free_port())
    assert why_not_free(address) == ""
    assert why_not_free(address) == ""


def test_the_private_registry_keeps_its_port() -> None:
    before = any_free_port()
    assert choose_registry_port(before, dashboard_port=8000) == before


def test_the_private_registry_moves_when_its_port_is_taken(taken: Address) -> None:
    assert choose_registry_port(taken.port, dashboard_port=8000) != taken.port


def test_the_private_registry_leaves_the_dashboard_its_port() -> None:
    assert choose_registry_port(None, dashboard_port=5000) != 5000


@pytest.mark.parametrize("bind", ["8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "unix:/x"])
def test_what_is_no_address_and_port_is_refused_with_an_example(bind: str) -> None:
    with pytest.raises(Refusal, match=r"such as 127\.0\.0\.1:8000"):
        read_address(bind)


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8000", "http://[::1]:8000"),
        (":8000", "http://127.0.0.1:8000"),
    ],
)
def test_the_url_is_one_that_a_browser_on_this_machine_opens(bind: str, url: str) -> None:
    assert read_address(bind).url == url
