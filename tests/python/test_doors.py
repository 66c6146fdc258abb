"""What an app needs to be served: its secret, its hosts; and the cookie that it signs."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from live import LiveTab
from sapwood import App, AppError, Template
from sapwood.signing import Signer, checked_secrets, process_secret

OLD, NEW, OTHER = ("old-" * 8, "new-" * 8, "other-" * 6)


def site(**options: Any) -> App:
    app = App(**options)
    app.route("/")(lambda: Template("<p id=p>hi</p>"))
    return app


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set in the environment."""
    monkeypatch.delenv("SAPWOOD_SECRET")
    monkeypatch.delenv("SAPWOOD_HOSTS")


# --- What production asks for --------------------------------------------------------


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "needs a secret"),
        ({"allowed_hosts": ["testserver"]}, "needs a secret"),
        ({"secret": "", "allowed_hosts": ["testserver"]}, "needs a secret"),
        ({"secret": NEW}, "must know the names"),
    ],
)
def test_production_does_not_start_without(options: dict[str, Any], missing: str) -> None:
    app = site(debug=False, **options)
    with pytest.raises(AppError, match=missing), TestClient(app):
        pass


@pytest.mark.usefixtures("bare")
def test_the_error_says_how_to_make_a_secret() -> None:
    with pytest.raises(AppError, match=re.escape("secrets.token_urlsafe(32)")):
        site(debug=False).check()


@pytest.mark.usefixtures("bare")
def test_importing_an_app_needs_nothing_but_asking_it_does() -> None:
    # Mounted in another framework's app nobody may run its lifespan.
    client = TestClient(Starlette(routes=[Mount("/x", app=site(debug=False))]))
    with pytest.raises(AppError, match="needs a secret"):
        client.get("/x/")
    with (
        pytest.raises(AppError, match="needs a secret"),
        client.websocket_connect("/x/_sapwood/ws"),
    ):
        pass


@pytest.mark.usefixtures("bare")
def test_what_is_given_to_the_app_is_enough() -> None:
    with TestClient(site(debug=False, secret=NEW, allowed_hosts=["testserver"])) as client:
        assert client.get("/").status_code == 200


@pytest.mark.usefixtures("bare")
def test_a_mounted_app_lies_behind_the_doors_of_the_outer_one() -> None:
    outer = App(debug=False, secret=NEW, allowed_hosts=["testserver"])
    outer.mount("/inner", site(debug=False))
    with TestClient(outer) as client, LiveTab(client, "/inner/"):
        assert "sapwood" in client.cookies


@pytest.mark.parametrize("secret", ["x" * 31, f"{NEW} short"])
def test_a_secret_that_is_too_short_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(AppError, match="at least 32 characters") as refused:
        site(secret=secret).check()
    assert (secret.split()[-1] in str(refused.value), checked_secrets("x" * 32)) == (
        False,
        ("x" * 32,),
    )


@pytest.mark.usefixtures("bare")
def test_development_makes_one_secret_for_the_process_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    process_secret.cache_clear()
    one, other = site(debug=True), site(debug=True)
    assert one.doors.secrets == other.doors.secrets
    (said,) = caplog.records
    assert (said.levelno, "SAPWOOD_SECRET is not set" in said.getMessage()) == (
        logging.WARNING,
        True,
    )
    assert one.doors.secrets[0] not in caplog.text


# --- Hosts ---------------------------------------------------------------------------


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("debug", "host", "status"),
    [
        (True, "localhost:8000", 200),
        (True, "127.0.0.1", 200),
        (True, "named.example", 200),
        (True, "rebound.example", 400),
        (True, "192.168.1.5", 400),
        (False, "named.example", 200),
        (False, "localhost", 400),
        (False, "rebound.example", 400),
    ],
)
def test_development_answers_to_this_machine_and_production_to_its_names(
    debug: bool, host: str, status: int
) -> None:
    app = site(debug=debug, secret=NEW, allowed_hosts=["named.example"])
    answer = TestClient(app).get("/", headers={"host": host})
    assert (answer.status_code, host in answer.text) == (status, False)


def test_a_socket_is_refused_under_another_host() -> None:
    headers = {"host": "rebound.example", "origin": "http://rebound.example"}
    client = TestClient(site())
    with pytest.raises(WebSocketDisconnect):  # noqa: SIM117
        with client.websocket_connect("/_sapwood/ws", subprotocols=["sapwood.1"], headers=headers):
            pass


def test_a_request_names_one_host() -> None:
    client = TestClient(site())
    two = [("host", "testserver"), ("host", "testserver")]
    assert client.get("/", headers=two).status_code == 400


def test_what_is_mounted_is_asked_under_our_hosts_too() -> None:
    app, asked = site(), []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)

    app.mount("/inner", inner)
    answer = TestClient(app).get("/inner/", headers={"host": "rebound.example"})
    assert (answer.status_code, asked) == (400, [])


# --- Signatures ----------------------------------------------------------------------


def test_what_is_signed_is_found_again() -> None:
    signer = Signer([NEW], "test")
    signed = signer.sign("a.b")
    assert re.fullmatch(r"a\.b\.[\w-]{43}", signed)
    assert signer.unsign(signed) == "a.b"


def test_the_first_secret_signs_and_all_are_good() -> None:
    signed_before = Signer([OLD], "test").sign("it")
    rotated = Signer([NEW, OLD], "test")
    assert rotated.unsign(signed_before) == "it"
    assert Signer([NEW], "test").unsign(rotated.sign("it")) == "it"
    assert Signer([NEW], "test").unsign(signed_before) is None


def test_a_signature_is_for_one_purpose() -> None:
    assert Signer([NEW], "one").unsign(Signer([NEW], "other").sign("it")) is None


@pytest.mark.parametrize(
    "form",
    "|{0}|{1}|{0}.|.{1}|{0}.{1}x|{0}.{1}=|{0}.{1}.|x{0}.{1}| {0}.{1}|{0}..{1}|{0}{1}|{1}.{0}|"
    "{0}.{2}|{0}.{1}é|\ud800.{1}".split("|"),
    ids=ascii,
)
def test_what_is_not_signed_by_us_is_nothing(form: str) -> None:
    signer = Signer([NEW], "test")
    value, _, signature = signer.sign("it").partition(".")
    assert signer.unsign(form.format(value, signature, signature[:-1])) is None


# --- The cookie ----------------------------------------------------------------------

PLAIN, TLS = "http://testserver", "https://testserver"


def cookie(url: str, **options: Any) -> tuple[str, str, set[str]]:
    """Return name, value and attributes of the cookie that a new browser gets."""
    header = TestClient(site(**options), base_url=url).get("/").headers["set-cookie"]
    given, *attributes = header.split("; ")
    name, _, value = given.partition("=")
    return name, value, {attribute.lower() for attribute in attributes}


@pytest.mark.parametrize("debug", [True, False])
def test_over_tls_the_cookie_is_of_this_host_alone(debug: bool) -> None:
    name, _, attributes = cookie(TLS, debug=debug)
    assert name == "__Host-sapwood"
    assert attributes == {"httponly", "samesite=lax", "path=/", "secure"}


def test_without_tls_the_cookie_has_a_plain_name() -> None:
    name, _, attributes = cookie(PLAIN, debug=True)
    assert (name, attributes) == ("sapwood", {"httponly", "samesite=lax", "path=/"})


def asks(app: App, url: str, cookie: str) -> bool:
    """Say whether a browser with this cookie is known."""
    page = TestClient(app, base_url=url).get("/", headers={"cookie": cookie.encode()})
    return "set-cookie" not in page.headers


def test_a_browser_gets_its_cookie_once() -> None:
    with TestClient(site()) as client:
        first, second = client.get("/"), client.get("/")
    assert ["set-cookie" in page.headers for page in (first, second)] == [True, False]


@pytest.mark.parametrize("url", [PLAIN, TLS])
def test_a_browser_is_known_by_the_cookie_of_the_scheme_alone(url: str) -> None:
    value = cookie(url)[1]
    known = [asks(site(), url, f"{name}={value}") for name in ("sapwood", "__Host-sapwood")]
    assert known == [url == PLAIN, url == TLS]


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "é" * 43, "x" * 43 + "." + "x" * 43])
def test_a_cookie_that_is_not_ours_is_replaced(value: str) -> None:
    assert not asks(site(), PLAIN, f"sapwood={value}")


def test_a_cookie_of_another_app_is_not_ours() -> None:
    value = cookie(PLAIN, secret=OTHER)[1]
    assert not asks(site(secret=NEW), PLAIN, f"sapwood={value}")


def test_a_cookie_outlives_a_rotation_of_secrets() -> None:
    value = cookie(PLAIN, secret=OLD)[1]
    assert asks(site(secret=f"{NEW} {OLD}"), PLAIN, f"sapwood={value}")
    assert not asks(site(secret=NEW), PLAIN, f"sapwood={value}")


def test_a_tab_joins_over_tls() -> None:
    client = TestClient(site(), base_url=TLS)
    client.headers["origin"] = TLS
    with client:
        tab = LiveTab(client)
        with client.websocket_connect(
            "wss://testserver/_sapwood/ws", subprotocols=["sapwood.1"], headers={"origin": TLS}
        ) as socket:
            socket.send_json([0, tab.join()])
            assert '"mode":"handoff"' in socket.receive_text()
