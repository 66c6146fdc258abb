"""Signatures: what a browser or a store keeps for us, and cannot make or change by itself.

The first secret signs and all of them are good for checking, so that a new one can be put
before the old one while others still bring what that signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections.abc import Sequence
from functools import cache

from sapwood.errors import AppError

SECRET_LENGTH_MIN = 32
SEAL_BYTES = 32
#: How a person makes one.
MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"

log: logging.Logger = logging.getLogger("sapwood")


class Signer:
    """Signs texts or bytes for one *purpose*; what it signed is of no use for another one."""

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        self._keys = [
            hmac.digest(secret.encode(), f"sapwood.{purpose}".encode(), hashlib.sha256)
            for secret in secrets
        ]

    def sign(self, value: str) -> str:
        """Return `value.signature`; the signature is 43 letters, digits, `-` and `_`."""
        return f"{value}.{_signature(self._keys[0], value)}"

    def unsign(self, signed: str) -> str | None:
        """Return what was signed; None if it was not, or by none of our secrets."""
        value, _, signature = signed.rpartition(".")
        if not signed.isascii():
            return None
        good = [hmac.compare_digest(_signature(key, value), signature) for key in self._keys]
        return value if any(good) else None

    def seal(self, data: bytes) -> bytes:
        """Return *data* behind its signature, which is 32 bytes."""
        return hmac.digest(self._keys[0], data, hashlib.sha256) + data

    def unseal(self, sealed: bytes) -> bytes | None:
        """Return what was sealed; None if it was not, or by none of our secrets."""
        signature, data = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        good = [
            hmac.compare_digest(hmac.digest(key, data, hashlib.sha256), signature)
            for key in self._keys
        ]
        return data if any(good) else None


def checked_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets in *text*, newest first, which spaces separate.

    Raises AppError for one that is too short to be a secret.
    """
    found = tuple(text.split())
    if short := [secret for secret in found if len(secret) < SECRET_LENGTH_MIN]:
        raise AppError(
            f"a secret has at least {SECRET_LENGTH_MIN} characters, not {len(short[0])}; "
            f"make one: {MAKE_SECRET}"
        )
    return found


@cache
def process_secret() -> str:
    """Return a secret that ends with this process, and say once that it does."""
    log.warning("SAPWOOD_SECRET is not set: this process made a secret, and forgets it at its end")
    return secrets.token_urlsafe(32)


def _signature(key: bytes, value: str) -> str:
    digest = hmac.digest(key, value.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
