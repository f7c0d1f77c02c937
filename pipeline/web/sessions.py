"""Signed cookies and the tokens that forms carry.

A session says who signed in, under which epoch of the account, and holds a nonce; a form's token is made from that nonce, so a
page of another site can neither read nor guess it. The signing key lies beside the store, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pathlib
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from pipeline.errors import UsageError

COOKIE = "saysdoes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a cookie says. `name` is empty for a visitor who has not signed in."""

    name: str
    epoch: int
    nonce: str


def signing_key(place: str) -> bytes:
    """The key of the store at `place`, made at the first use; one that lives with the process for a database URL without SAYSDOES_KEY."""
    named = os.environ.get("SAYSDOES_KEY", "")
    if named:
        if len(named) < 32:
            raise UsageError("SAYSDOES_KEY is shorter than 32 characters: make one with `openssl rand -hex 32`.")
        return named.encode()
    if "://" in place:
        return secrets.token_bytes(32)
    file = pathlib.Path(place + ".key")
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_hex(32).encode())
    except FileExistsError:
        pass
    except OSError as err:
        raise UsageError(f"The signing key {file} cannot be made ({err.strerror}): check the folder and its rights.") from err
    key = file.read_bytes()
    if len(key) < 32:
        raise UsageError(f"The signing key {file} is damaged: remove it, and everyone signs in again.")
    return key


class Sessions:
    """Makes and reads cookies."""

    def __init__(self, key: bytes, *, hours: float) -> None:
        self._key = key
        self._seconds = int(hours * 3600)
        self._signer = URLSafeTimedSerializer(key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})

    def new(self, name: str = "", epoch: int = 0) -> Session:
        """A session with a nonce of its own; signing in never keeps the visitor's former one."""
        return Session(name=name, epoch=epoch, nonce=secrets.token_urlsafe(16))

    def cookie(self, session: Session) -> str:
        """The cookie's value."""
        made = self._signer.dumps([session.name, session.epoch, session.nonce])
        return made if isinstance(made, str) else made.decode()

    def read(self, cookie: str) -> Session | None:
        """The session, or None when the cookie is forged, damaged or too old."""
        try:
            name, epoch, nonce = self._signer.loads(cookie, max_age=self._seconds)
            return Session(name=str(name), epoch=int(epoch), nonce=str(nonce))
        except (BadSignature, ValueError, TypeError):
            return None

    def token(self, session: Session) -> str:
        """The token that this session's forms carry."""
        return hmac.new(self._key, f"form\0{session.nonce}".encode(), hashlib.sha256).hexdigest()

    def token_fits(self, session: Session, token: str) -> bool:
        """Whether a form came from one of this session's pages."""
        return hmac.compare_digest(self.token(session).encode(), token.encode("utf-8", "replace"))
