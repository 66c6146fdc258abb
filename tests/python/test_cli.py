"""The command `sapwood run`: it serves and says where, or says in one sentence what is wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("sapwood"))
APP = """
import sapwood

app = sapwood.App()

@app.route("/")
def home():
    return sapwood.Template("<p>first</p>")
"""
DEADLINE_S = 30


class Served:
    """A running `sapwood run`, and where it serves; *environment* is added or, None, taken out."""

    def __init__(self, folder: Path, *arguments: str, **environment: str | None) -> None:
        command = [COMMAND, "run", *arguments, "--port", "0"]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=changed(environment),
        )
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        self.mode = self.process.stdout.readline().rstrip() if self.said else ""
        found = re.search(r"http://\S+", self.said)
        self.address = found[0] if found else ""

    def get(self) -> str:
        """Return what "/" is; nothing if nobody answers."""
        try:
            return str(self.answer().read().decode())
        except (urllib.error.URLError, ConnectionError):
            return ""

    def answer(self, **headers: str) -> Any:
        """Return the answer to a request for "/"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address, headers=named)
        return urllib.request.urlopen(request, timeout=DEADLINE_S)

    def becomes(self, text: str, within_s: float) -> bool:
        """Ask until the answer has *text*; say whether it ever had."""
        deadline = time.monotonic() + within_s
        while text not in self.get():
            if time.monotonic() > deadline:
                return False
        return True

    def stop(self) -> tuple[int, str]:
        """Stop as Ctrl+C does; return the exit code and what was said of errors."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, errors


def changed(environment: dict[str, str | None]) -> dict[str, str]:
    """Return the environment with changes."""
    whole = {**os.environ, **environment}
    return {name: value for name, value in whole.items() if value is not None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages.py").write_text(APP)
    return tmp_path


@pytest.fixture
def served(folder: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    served = Served(folder, *getattr(request, "param", ["pages.py"]))
    yield served
    served.stop()


def refused(folder: Path, *arguments: str, **environment: str | None) -> str:
    """Return the sentence with which a command ends; it must be all there is."""
    done = subprocess.run(
        [COMMAND, "run", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env=changed(environment),
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("Error: ")


# --- It serves -------------------------------------------------------------------------


def test_it_says_where_it_serves_and_serves_there(served: Served) -> None:
    assert re.fullmatch(
        r"Sapwood serves pages\.py on http://127\.0\.0\.1:\d+ \(stop with Ctrl\+C\)\n", served.said
    )
    assert "<p uuid=" in served.get()


@pytest.mark.parametrize(
    "served", [["pages"], ["pages.py:app"], ["./pages.py"]], indirect=True, ids=str
)
def test_an_app_may_be_named_in_several_ways(served: Served) -> None:
    assert "first" in served.get()


def test_a_loopback_address_shows_errors_and_no_debug_hides_them(folder: Path) -> None:
    (folder / "pages.py").write_text(APP.replace('"<p>first</p>"', 'f"<p>{app.debug}</p>"'))
    said = []
    for options in ([], ["--no-debug"], ["--host", "0.0.0.0"]):
        served = Served(folder, "pages.py", *options)
        said.append(re.findall("True|False", served.get()))
        served.stop()
    assert said == [["True"], ["False"], ["False"]]


# --- It is safe to reach ---------------------------------------------------------------

BARE = {"SAPWOOD_SECRET": None, "SAPWOOD_HOSTS": None}
SECRET = "a-secret-" * 4


def one_line(folder: Path, *options: str, **environment: str | None) -> str:
    """Return what is said of how an app is served."""
    served = Served(folder, "pages.py", *options, **{**BARE, **environment})
    assert "first" in served.get()
    served.stop()
    return served.mode


def test_development_says_where_it_keeps_a_secret_if_it_has_none(
    folder: Path, tmp_path: Path
) -> None:
    said = "Development: errors are shown in the page"
    home = {"XDG_CONFIG_HOME": str(tmp_path / "new" / "home")}
    file = tmp_path / "new" / "home" / "sapwood" / "development-secret"
    assert one_line(folder, **home) == f"{said}; no SAPWOOD_SECRET, one is kept in {file}"
    assert one_line(folder, SAPWOOD_SECRET=SECRET, **home) == said
    assert (file.stat().st_mode & 0o777, len(file.read_text())) == (0o600, 43)
    assert [it.name for it in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("before", [None, "too short", b"\xff" * 40])
def test_a_server_that_is_started_again_in_development_knows_its_browsers(
    folder: Path, tmp_path: Path, before: str | bytes | None
) -> None:
    file = tmp_path / "sapwood" / "development-secret"
    if before is not None:
        file.parent.mkdir()
        file.write_bytes(before if isinstance(before, bytes) else before.encode())
    cookies = []
    for _ in range(2):
        served = Served(folder, "pages.py", **BARE, XDG_CONFIG_HOME=str(tmp_path))
        answer = served.answer(**({"cookie": cookies[0]} if cookies else {}))
        cookies.append((answer.headers["set-cookie"] or "").partition(";")[0])
        assert served.stop()[1] == ""
    # The second one took what the first one signed, and gives no other.
    assert cookies[0].startswith("sapwood=")
    assert cookies[1] == ""


def test_where_no_secret_can_be_kept_one_is_made_for_the_run(folder: Path) -> None:
    said = one_line(folder, XDG_CONFIG_HOME="/dev/null")
    file = "/dev/null/sapwood/development-secret"
    assert said.endswith(f"one is kept nowhere: {file}: Not a directory")


def test_production_says_under_what_names_it_serves_and_whom_it_believes(folder: Path) -> None:
    hosts = {"SAPWOOD_SECRET": SECRET, "SAPWOOD_HOSTS": "example.org 127.0.0.1"}
    assert one_line(folder, "--host", "0.0.0.0", **hosts) == (
        "Production: served under 127.0.0.1, example.org; proxies believed: none (--proxy IP)"
    )
    assert one_line(folder, "--proxy", "127.0.0.1", "--proxy", "10.0.0.0/8", **hosts) == (
        "Production: served under 127.0.0.1, example.org; proxies believed: 127.0.0.1, 10.0.0.0/8"
    )


@pytest.mark.parametrize("options", [["--no-debug"], ["--host", "0.0.0.0"], ["--proxy", "::1"]])
def test_production_is_refused_without_a_secret_or_names(folder: Path, options: list[str]) -> None:
    arguments = ["pages.py", *options]
    assert "needs a secret" in refused(folder, *arguments, **BARE)
    assert "32 characters" in refused(folder, *arguments, **BARE | {"SAPWOOD_SECRET": "short"})
    if options != ["--no-debug"]:  # where the address is the name
        bare = BARE | {"SAPWOOD_SECRET": SECRET}
        assert "must know the names" in refused(folder, *arguments, **bare)


def test_an_address_that_is_listened_on_is_a_name_in_production_too(folder: Path) -> None:
    said = one_line(folder, "--no-debug", SAPWOOD_SECRET=SECRET)
    assert "served under 127.0.0.1, [::1], localhost;" in said


@pytest.mark.parametrize(
    ("options", "host", "status"),
    [
        ([], "localhost", 200),
        ([], "rebound.example", 400),
        ([], "192.168.1.5", 400),
        (["--host", "0.0.0.0", "--debug"], "192.168.1.5", 200),
        (["--host", "0.0.0.0", "--debug"], "rebound.example", 400),
    ],
)
def test_development_answers_to_names_of_this_machine(
    folder: Path, options: list[str], host: str, status: int
) -> None:
    served = Served(folder, "pages.py", *options, **BARE)
    try:
        assert served.answer(host=host).status == status
    except urllib.error.HTTPError as error:
        assert error.code == status  # noqa: PT017  # urllib's way to give an answer
        error.close()
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("options", "cookie"),
    [
        (["--no-debug"], "sapwood"),
        (["--proxy", "127.0.0.1"], "__Host-sapwood"),
        (["--proxy", "127.0.0.0/8"], "__Host-sapwood"),
        (["--proxy", "10.0.0.1"], "sapwood"),
    ],
)
def test_only_a_proxy_that_was_named_says_that_there_is_tls(
    folder: Path, options: list[str], cookie: str
) -> None:
    # Uvicorn's own variable counts for nothing.
    served = Served(folder, "pages.py", *options, FORWARDED_ALLOW_IPS="*")
    answer = served.answer(X_Forwarded_Proto="https")
    served.stop()
    assert answer.headers["set-cookie"].partition("=")[0] == cookie
    assert (answer.headers["server"], answer.headers["date"]) == (None, None)


@pytest.mark.parametrize("proxy", ["*", "", "example.org", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network(folder: Path, proxy: str) -> None:
    assert "--proxy takes an address or a network" in refused(folder, "pages.py", "--proxy", proxy)


def test_it_stops_quietly(folder: Path) -> None:
    served = Served(folder, "pages.py")
    served.get()
    code, errors = served.stop()
    assert (code in (0, -15), errors) == (True, "")


@pytest.mark.parametrize("reload", [[], ["--reload"]], ids=["as it is", "with --reload"])
def test_what_an_error_says_cannot_pass_for_a_line_of_the_log(
    folder: Path, reload: list[str]
) -> None:
    text = "x\\nERROR: forged\\x1b[2J" + "y" * 100_000
    app = APP.replace("return", "raise ValueError(TEXT);") + f'\nTEXT = "{text}"'
    (folder / "pages.py").write_text(app)
    served = Served(folder, "pages.py", *reload, "--no-debug", SAPWOOD_SECRET="s" * 32)
    try:
        with pytest.raises(urllib.error.HTTPError):
            served.answer()
    finally:
        _, errors = served.stop()
    records = re.findall(r"^\S.*", errors, re.MULTILINE)
    assert len(records) == 1, errors
    assert records[0].startswith("ERROR: Exception in ASGI application")
    assert "    ERROR: forged\\x1b[2Jyyy" in errors
    assert len(errors) < 10_000


COLLECTING = """
import gc
import sapwood

app = sapwood.App()

@app.route("/")
def home():
    return {"thresholds": gc.get_threshold()}
"""


@pytest.mark.parametrize("options", [(), ("--reload",)], ids=["", "--reload"])
@pytest.mark.parametrize(
    ("own", "thresholds"),
    [("", [20_000, 1]), ("gc.set_threshold(900, 9, 9)", [900, 9])],
    ids=["", "own"],
)
def test_garbage_is_looked_for_less_often_unless_the_app_says_how(
    folder: Path, options: tuple[str, ...], own: str, thresholds: list[int]
) -> None:
    (folder / "app.py").write_text(f"{COLLECTING}\n{own}\n")
    served = Served(folder, "app.py", *options)
    # The third one means nothing from Python 3.14 on.
    assert json.loads(served.get())["thresholds"][:2] == thresholds
    served.stop()


def test_it_starts_anew_when_a_file_changes(folder: Path) -> None:
    served = Served(folder, "pages.py", "--reload")
    try:
        assert served.becomes("first", DEADLINE_S)
        # Uvicorn looks for changes from 0.25 s on; what comes earlier it does not see.
        assert any(
            (folder / "pages.py").write_text(APP.replace("first", "second"))
            and served.becomes("second", 3)
            for _ in range(DEADLINE_S // 3)
        )
    finally:
        served.stop()


def test_help_says_what_a_target_is() -> None:
    done = subprocess.run([COMMAND, "run", "--help"], capture_output=True, text=True, check=True)
    assert "a file (app.py), a module (package.module)" in done.stdout


# --- It does not -----------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named_with_where_it_looked(folder: Path) -> None:
    said = refused(folder, "none.py")
    assert said == f"there is no file 'none.py' here ({folder}); name the file with the app"


def test_a_file_that_cannot_be_imported_is_named(folder: Path) -> None:
    (folder / "my-app.py").write_text(APP)
    said = refused(folder, "my-app.py")
    assert said == "'my-app.py' cannot be imported: rename it to letters, digits and _"


@pytest.mark.parametrize("target", ["", "a b", "pages.", "1app", "pages..x", "é-"])
def test_what_is_neither_file_nor_module_is_refused(folder: Path, target: str) -> None:
    assert "neither a file that ends in .py nor a module's dotted name" in refused(folder, target)


@pytest.mark.parametrize("target", ["none", "none.inner"])
def test_a_module_that_is_not_there_is_named(folder: Path, target: str) -> None:
    assert f"there is no module {target!r}; name a file (app.py)" in refused(folder, target)


def test_a_module_without_an_app_says_what_to_write(folder: Path) -> None:
    (folder / "pages.py").write_text("import sapwood")
    said = refused(folder, "pages.py")
    assert said == "'pages.py' has no 'app'; write app = sapwood.App()"


def test_an_app_under_another_name_is_named(folder: Path) -> None:
    (folder / "pages.py").write_text("import sapwood\nsite = sapwood.App()")
    assert refused(folder, "pages.py") == "'pages.py' has no 'app'; say pages.py:site"


def test_what_is_no_app_is_said_to_be_none(folder: Path) -> None:
    (folder / "pages.py").write_text("app = 5")
    said = refused(folder, "pages.py")
    assert said == "'app' in 'pages.py' is int, not an app: name a sapwood.App"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("def", "SyntaxError: "),
    ],
)
def test_the_apps_own_error_is_shown_with_its_traceback(
    folder: Path, code: str, error: str
) -> None:
    (folder / "pages.py").write_text(code)
    done = subprocess.run(
        [COMMAND, "run", "pages.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last.startswith("Error: 'pages.py' cannot be imported")) == (1, True)
    assert (error in last, f'File "{folder / "pages.py"}"' in done.stderr) == (True, True)


def test_a_port_in_use_is_said_with_one_to_try(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(folder, "pages.py", "--port", str(port))
    assert said == (
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; try --port {port + 1}"
    )


def test_an_address_of_another_machine_is_refused(folder: Path) -> None:
    assert "cannot listen on 192.0.2.1" in refused(folder, "pages.py", "--host", "192.0.2.1")


def test_a_file_named_like_a_module_that_is_loaded_says_so(folder: Path) -> None:
    (folder / "queue.py").write_text(APP)
    assert "rename" in refused(folder, "queue.py")
