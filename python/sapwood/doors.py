"""The doors of an app that is served: the secret it signs with, the hosts it answers to.

They are settled when the app starts, not when it is made, so importing one needs no
secret. What an app mounts lies behind its doors: these stand in the ASGI scope, and only
the outermost app looks at who comes in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from starlette.datastructures import Headers
from starlette.types import Scope

from sapwood.errors import AppError
from sapwood.origin import LOOPBACK, checked_host, is_allowed_host
from sapwood.signing import MAKE_SECRET, Signer, checked_secrets, process_secret

IN_DEVELOPMENT = "If this is development, say so by App(debug=True) or SAPWOOD_DEBUG=1"

#: Where the doors stand in a scope.
DOORS = "sapwood.doors"


@dataclass(frozen=True)
class Doors:
    """What is settled: `secrets`, the newest first, and the names of hosts."""

    secrets: tuple[str, ...]
    hosts: frozenset[str]

    @cached_property
    def browsers(self) -> Signer:
        """What signs the names of browsers."""
        return Signer(self.secrets, "browser")

    @cached_property
    def records(self) -> Signer:
        """What signs what stores keep of sessions."""
        return Signer(self.secrets, "record")

    def admit(self, scope: Scope) -> bool:
        """Say whether a request or a handshake is for one of our hosts."""
        hosts = Headers(scope=scope).getlist("host")
        return len(hosts) == 1 and is_allowed_host(hosts[0], self.hosts)


def open_doors(secret: str | None, allowed_hosts: Iterable[str], *, debug: bool) -> Doors:
    """Settle the doors by what the app was given and by the environment.

    SAPWOOD_SECRET counts if there is no *secret*, SAPWOOD_HOSTS besides *allowed_hosts*;
    spaces separate several. Raises AppError for what is missing in production.
    """
    secrets = checked_secrets(os.environ.get("SAPWOOD_SECRET", "") if secret is None else secret)
    hosts = frozenset(map(checked_host, os.environ.get("SAPWOOD_HOSTS", "").split()))
    hosts = hosts.union(allowed_hosts, LOOPBACK if debug else ())
    if debug and not secrets:
        secrets = (process_secret(),)
    if not secrets:
        raise AppError(
            "in production an app needs a secret: App(secret=...) or SAPWOOD_SECRET in the "
            f"environment; make one: {MAKE_SECRET}. {IN_DEVELOPMENT}"
        )
    if not hosts:
        raise AppError(
            "in production an app must know the names it is served under: "
            "App(allowed_hosts=['example.org']) or SAPWOOD_HOSTS in the environment. "
            + IN_DEVELOPMENT
        )
    return Doors(secrets, hosts)
