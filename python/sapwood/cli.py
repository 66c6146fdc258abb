"""The command `sapwood`: finds an app, serves it, says where.

Whatever is wrong before the server runs ends in one sentence that says how to mend it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import ipaddress
import os
import re
import secrets
import socket
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import FrameType

import click
import uvicorn
from uvicorn.importer import import_from_string
from uvicorn.supervisors import ChangeReload

from sapwood.app import App
from sapwood.conversation import STALL_S
from sapwood.errors import AppError
from sapwood.logs import log_to_terminal
from sapwood.pacing import PacedWebSocket
from sapwood.protocol import JOIN_BYTES_MAX
from sapwood.signing import checked_secrets

# A server that is told to stop is gone after so long.
EXIT_S = 18.0

_DEFAULT_THRESHOLDS = gc.get_threshold()
# A thousand tabs that click at once have 10,000 objects in the making, and Python looks for
# cycles among the youngest at 700 (3.11), which took a fifth of a click. All are looked at as
# often as there.
_THRESHOLDS = (20_000, 1, 1)


@click.group()
@click.version_option(package_name="sapwood")
def main() -> None:
    """Live web pages written in Python."""


@main.command()
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--reload", is_flag=True, help="Start anew whenever a file beside the app changes.")
@click.option("--debug/--no-debug", default=None, help="Show errors in the page; on at loopback.")
@click.option(
    "--proxy",
    multiple=True,
    metavar="IP",
    help="Believe what a proxy at this address, or in this network, says of its clients.",
)
def run(
    target: str, host: str, port: int, reload: bool, debug: bool | None, proxy: tuple[str, ...]
) -> None:
    """Serve TARGET: a file (app.py), a module (package.module), or either with :name."""
    for address in proxy:
        _check_proxy(address)
    # Who is behind a proxy at the machine's own address is not at this machine.
    debug = _is_loopback(host) and not proxy if debug is None else debug
    made, where = _set_up(host, debug=debug, proxy=proxy)
    folder, module, name = _locate(target)
    sys.path.insert(0, str(folder))
    app = _import_app(module, name, target)
    listener = listen(host, port)
    address = _address(host, listener.getsockname()[1])
    click.echo(f"Sapwood serves {target} on {address} (stop with Ctrl+C)")
    click.echo(_mode(app, made, where, debug=debug, proxy=proxy))
    config = uvicorn.Config(
        f"{module}:{name}",
        ws=PacedWebSocket,
        ws_max_size=JOIN_BYTES_MAX + 4096,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        server_header=False,
        date_header=False,
        # Uvicorn would believe whoever connects from this machine, and FORWARDED_ALLOW_IPS.
        proxy_headers=bool(proxy),
        forwarded_allow_ips=list(proxy),
        # What is logged goes where the app says, or else as `_Server` has it; uvicorn's too.
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=3,
        reload=reload,
        reload_dirs=[str(folder)] if reload else None,
        reload_includes=["*.py", "*.html", "*.css", "*.js"] if reload else None,
    )
    server = _Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C is the way to stop
        if reload:
            ChangeReload(config, target=server.run, sockets=[listener]).run()
        else:
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """A server that ends in time, whatever a handler does, and tells browsers before it does."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until it is told to stop; with --reload in a process of its own."""
        log_to_terminal()
        if gc.get_threshold() == _DEFAULT_THRESHOLDS:  # else the app knows what it wants
            gc.set_threshold(*_THRESHOLDS)
        super().run(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, or give up on what does not let itself be stopped."""
        if not self.should_exit:
            last = threading.Timer(EXIT_S, _give_up)
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send browsers away, then stop: who has a stream would have to be waited for."""
        # As it was imported to be served; with --reload that was in this process only.
        app = import_from_string(self.config.app)
        if isinstance(app, App):
            app.send_away()
        await super().shutdown(sockets)


def _give_up() -> None:
    click.echo(f"Stopped after {EXIT_S:.0f} s: a handler or a thread did not end", err=True)
    sys.stderr.flush()
    os._exit(1)


def _set_up(host: str, *, debug: bool, proxy: tuple[str, ...]) -> tuple[str, str]:
    """Tell the app by the environment how it is served.

    Returns the secret that was found for it, if it brings none, and where that is kept.
    """
    os.environ["SAPWOOD_DEBUG"] = "1" if debug else "0"
    if not proxy:  # whose clients call us by another name than by our address
        hosts = os.environ.get("SAPWOOD_HOSTS", "")
        os.environ["SAPWOOD_HOSTS"] = f"{hosts} {_called(host, debug=debug)}"
    if not debug or os.environ.get("SAPWOOD_SECRET", "").strip():
        return "", ""
    # It outlives the processes that --reload starts one after the other.
    os.environ["SAPWOOD_SECRET"], where = _development_secret()
    return os.environ["SAPWOOD_SECRET"], where


def _development_secret() -> tuple[str, str]:
    """Return this user's secret for development, and, to be said, where it is kept.

    With it pages know their server again that was stopped and started by hand. Where
    none can be kept it is made for this run.
    """
    file = Path(click.get_app_dir("sapwood"), "development-secret")
    try:
        if file.exists() and checked_secrets(kept := file.read_text()):
            return kept, f"in {file}"
    except (AppError, OSError, UnicodeError):
        pass  # whatever is there instead is replaced
    made = secrets.token_urlsafe(32)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Not to be read by others, not even for a moment; and never half of it.
        handle, new = tempfile.mkstemp(dir=file.parent)
        with open(handle, "w") as opened:
            opened.write(made)
        os.replace(new, file)
    except OSError as error:
        return made, f"nowhere: {file}: {error.strerror}"
    return made, f"in {file}"


def _called(host: str, *, debug: bool) -> str:
    """Return what browsers may call the address that we listen on."""
    if _is_loopback(host):
        return f"localhost 127.0.0.1 ::1 {host}"
    if host in ("0.0.0.0", "::") and not debug:
        return ""  # every address at once is no name to be called by in production
    return host.partition("%")[0]


def _mode(app: object, made: str, where: str, *, debug: bool, proxy: tuple[str, ...]) -> str:
    """Say, in a line, what to know of how the app is served."""
    if debug:
        said = "Development: errors are shown in the page"
        is_made = isinstance(app, App) and app.doors.secrets == (made,)
        return f"{said}; no SAPWOOD_SECRET, one is kept {where}" if is_made else said
    hosts = ", ".join(sorted(app.doors.hosts)) if isinstance(app, App) else "any host"
    believed = ", ".join(proxy) or "none (--proxy IP)"
    return f"Production: served under {hosts}; proxies believed: {believed}"


def _check_proxy(address: str) -> None:
    try:
        ipaddress.ip_network(address)
    except ValueError as error:
        _fail(f"--proxy takes an address or a network such as 10.0.0.0/8: {error}")


def _locate(target: str) -> tuple[Path, str, str]:
    """Return the folder to import from, the module's name and the app's name."""
    path, _, name = target.partition(":")
    name = name or "app"
    if path.endswith(".py") or os.sep in path:
        file = Path(path)
        if not file.is_file():
            _fail(f"there is no file {path!r} here ({Path.cwd()}); name the file with the app")
        if not file.stem.isidentifier():
            _fail(f"{file.name!r} cannot be imported: rename it to letters, digits and _")
        if file.stem in sys.modules:
            _fail(f"{file.name!r} has the name of a module that Python uses itself: rename it")
        return file.resolve().parent, file.stem, name
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", path):
        _fail(f"{path!r} is neither a file that ends in .py nor a module's dotted name")
    return Path.cwd(), path, name


def _import_app(module: str, name: str, target: str) -> object:
    """Return the app, which has all that it needs to be served."""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name != module and not module.startswith(f"{error.name}."):
            _fail_inside(target, error)
        _fail(f"there is no module {module!r}; name a file (app.py) or a module that is installed")
    except Exception as error:  # whatever the app's own code raises
        _fail_inside(target, error)
    if found is None:
        apps = [key for key, value in vars(sys.modules[module]).items() if isinstance(value, App)]
        mend = f"say {target.partition(':')[0]}:{apps[0]}" if apps else "write app = sapwood.App()"
        _fail(f"{target!r} has no {name!r}; {mend}")
    if not callable(found):
        _fail(f"{name!r} in {target!r} is {type(found).__name__}, not an app: name a sapwood.App")
    if isinstance(found, App):
        try:
            found.check()
        except AppError as error:
            _fail(str(error))
    return found


def listen(host: str, port: int, *, stall_s: float = STALL_S) -> socket.socket:
    """Return a socket to serve at, whose connections end when they stall for *stall_s* seconds.

    Ends with a ClickException if that cannot be.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that says so itself asyncio knows that it is TCP, and sets TCP_NODELAY.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Nothing above the kernel can end a connection before what was written to it is taken.
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux; RFC 5482
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_s * 1000))
    try:
        listener.bind((host, port))
        # From here on connections wait until the app has started, and are not refused.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        _fail(f"cannot listen on {host} port {port}: {reason}; try --port {port + 1}")
    listener.set_inheritable(True)
    return listener


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fail_inside(target: str, error: Exception) -> None:
    """Show the app's own error, without the way through ours."""
    traceback.print_exception(error)
    _fail(f"{target!r} cannot be imported: {type(error).__name__}: {error}")


def _fail(message: str) -> None:
    raise click.ClickException(message)
