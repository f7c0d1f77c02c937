"""Accounts of the web app: scrypt passwords, roles, the products that each may see, and keys for scripts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, func, select, update

from pipeline.errors import UsageError
from pipeline.store.schema import ACCESS_KEYS, ACCOUNTS

ROLES = ("viewer", "reviewer", "admin")
ALL = "*"
LEAST_LETTERS = 10
# The parameters that OWASP's password storage cheat sheet names for scrypt; about 0.1 s and 32 MiB a try.
_N, _R, _P = 2**15, 8, 3
_NAME = re.compile(r"[\w.@+-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One who may sign in. `products` are names, or `*` for all; `epoch` grows when sessions are to end."""

    name: str
    role: str
    products: tuple[str, ...]
    epoch: int
    created_at: float
    has_password: bool


def hash_password(password: str) -> str:
    """`scrypt$n$r$p$salt$hash`."""
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=2**27, dklen=32)
    return "$".join(
        ("scrypt", str(_N), str(_R), str(_P), base64.b64encode(salt).decode(), base64.b64encode(made).decode())
    )


# Compared against when there is no such account, so that an answer takes as long as for one that exists.
_NOBODY = hash_password(secrets.token_hex(8))


def password_fits(password: str, stored: str) -> bool:
    """Whether `password` is the one that `stored` was made from; False for a string that is no scrypt string."""
    try:
        kind, n, r, p, salt, wanted = stored.split("$")
        if kind != "scrypt":
            return False
        made = hashlib.scrypt(
            password.encode("utf-8", "replace"),
            salt=base64.b64decode(salt),
            n=int(n),
            r=int(r),
            p=int(p),
            maxmem=2**27,
            dklen=32,
        )
        return hmac.compare_digest(made, base64.b64decode(wanted))
    except ValueError:
        return False


def _account(row: Row[Any]) -> Account:
    return Account(
        name=row.name, role=row.role, products=tuple(json.loads(row.products)), epoch=row.epoch, created_at=row.created_at,
        has_password=bool(row.password),
    )  # fmt: skip


class Accounts:
    """The accounts of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = engine.execution_options(only_reads=True)

    def put(self, name: str, *, role: str, products: tuple[str, ...], password: str | None) -> Account:
        """Makes an account or changes it, which ends its sessions. None keeps the password; a new account then has none.

        Raises UsageError for a name, role or password that cannot be taken.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be an account's name: use letters, digits and . @ + - _ , at most 80.")
        if role not in ROLES:
            raise UsageError(f"{role!r} is no role: use one of {', '.join(ROLES)}.")
        if password is not None and len(password) < LEAST_LETTERS:
            raise UsageError(f"The password has {len(password)} characters: give at least {LEAST_LETTERS}.")
        hashed = None if password is None else hash_password(password)
        with self._engine.begin() as db:
            known = db.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name)).first()
            values: dict[str, Any] = {"role": role, "products": json.dumps(list(products))}
            if known is None:
                db.execute(
                    ACCOUNTS.insert().values(
                        name=name, password=hashed or "", epoch=1, created_at=time.time(), **values
                    )
                )
            else:
                if hashed is not None:
                    values["password"] = hashed
                db.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(epoch=known.epoch + 1, **values))
        found = self.get(name)
        assert found is not None
        return found

    def remove(self, name: str) -> bool:
        """Removes an account with its keys; False when there is none."""
        with self._engine.begin() as db:
            db.execute(delete(ACCESS_KEYS).where(ACCESS_KEYS.c.account == name))
            return bool(db.execute(delete(ACCOUNTS).where(ACCOUNTS.c.name == name)).rowcount)

    def get(self, name: str) -> Account | None:
        """The account, or None."""
        with self._reader.connect() as db:
            row = db.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name)).first()
        return None if row is None else _account(row)

    def count(self) -> int:
        """How many accounts there are."""
        with self._reader.connect() as db:
            return int(db.execute(select(func.count()).select_from(ACCOUNTS)).scalar_one())

    def end_sessions(self, name: str) -> None:
        """Makes every session of the account void."""
        with self._engine.begin() as db:
            db.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(epoch=ACCOUNTS.c.epoch + 1))

    def sign_in(self, name: str, password: str) -> Account | None:
        """The account when name and password fit. Takes as long for a name that does not exist."""
        with self._reader.connect() as db:
            row = db.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name)).first()
        stored = row.password if row is not None and row.password else _NOBODY
        fits = password_fits(password[:1000], stored)
        return _account(row) if fits and row is not None and row.password else None

    def new_key(self, name: str) -> str:
        """A new key for scripts; shown once, only its hash is kept. Raises UsageError without such an account."""
        if self.get(name) is None:
            raise UsageError(f"There is no account {name!r}: make it first with `serve --add-user {name}`.")
        key = "sd_" + secrets.token_urlsafe(32)
        with self._engine.begin() as db:
            db.execute(
                ACCESS_KEYS.insert().values(
                    hash=hashlib.sha256(key.encode()).hexdigest(), account=name, created_at=time.time()
                )
            )
        return key

    def of_key(self, key: str) -> Account | None:
        """The account that a key belongs to, or None."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
        with self._reader.connect() as db:
            row = db.execute(
                select(ACCOUNTS)
                .join(ACCESS_KEYS, ACCESS_KEYS.c.account == ACCOUNTS.c.name)
                .where(ACCESS_KEYS.c.hash == digest)
            ).first()
        return None if row is None else _account(row)
