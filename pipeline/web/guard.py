"""Who is asking, and what they may see and do.

Four ways in: a session cookie, a key for scripts, a header of a trusted proxy, or, on loopback and without any account, nobody at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from markupsafe import Markup

from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.store import Store
from pipeline.store.accounts import ALL, ROLES, Account, Accounts
from pipeline.store.jobs import Jobs
from pipeline.store.runs import RunStore
from pipeline.web.faults import Fault, not_allowed, not_found, sign_in_first
from pipeline.web.foreman import Foreman
from pipeline.web.limits import Limits
from pipeline.web.products import Product, products_of
from pipeline.web.sessions import COOKIE, Session, Sessions

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
NOBODY = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who asks. `way` is session, key, proxy or open; `products` are those that they may see."""

    name: str
    role: str
    way: str
    products: tuple[Product, ...]
    session: Session | None = None

    def may(self, role: str) -> bool:
        """Whether their role is `role` or a greater one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def names(self) -> list[str]:
        """Names of the products that they may see."""
        return [p.name for p in self.products]

    def sees(self, product: str) -> bool:
        """Whether the product is theirs to see."""
        return product in self.names


class House:
    """Everything that a request needs, opened once."""

    def __init__(self, config: Config, store: Store, foreman: Foreman, key: bytes) -> None:
        self.config, self.foreman, self.store = config, foreman, store
        self.products = products_of(config)
        self.jobs, self.accounts, self.runs = Jobs(store.engine), Accounts(store.engine), RunStore(store)
        self.sessions = Sessions(key, hours=config.web.session_hours)
        # Results as shown, by what they depend on; `audits` and `history` keep theirs here.
        self.rendered: dict[Any, Markup] = {}
        self.documents: dict[str, bytes] = {}
        self.trusted = networks(config.web.trusted_proxies)
        if config.web.proxy_header and not self.trusted:
            raise UsageError(
                f"`web.proxy_header` is {config.web.proxy_header!r} but `web.trusted_proxies` is empty: name the proxy's address, "
                "or anyone could send that header."
            )
        web = config.web
        self.limits = Limits(
            {
                "read": (web.requests_per_minute, 60.0),
                "audit": (web.audits_per_hour, 3600.0),
                "desk": (web.desk_per_minute, 60.0),
                "sign_in": (web.sign_ins_per_minute, 60.0),
            }
        )

    def open_to_all(self) -> bool:
        """Whether there is no sign-in at all: no account, no proxy; allowed on loopback only."""
        return not self.config.web.proxy_header and self.accounts.count() == 0

    def from_proxy(self, request: Request) -> bool:
        """Whether the request comes from a trusted proxy."""
        return is_in(request.client.host if request.client else "", self.trusted)

    def address(self, request: Request) -> str:
        """The asker's address: the last one that a trusted proxy names, else the peer's."""
        peer = request.client.host if request.client else "unknown"
        if self.from_proxy(request):
            named = [a.strip() for a in request.headers.get("x-forwarded-for", "").split(",") if a.strip()]
            return named[-1][:64] if named else peer
        return peer

    def visible(self, account: Account | None, name: str) -> tuple[Product, ...]:
        """Products that an account, or a bare name that a proxy vouches for, may see."""
        own: Sequence[str] = account.products if account else ()
        return tuple(p for p in self.products if ALL in own or p.name in own or name in p.viewers)

    def person(self, request: Request) -> Person | None:
        """Who asks, or None. Raises a 401 Fault for a key that is none."""
        known = request.scope.get("saysdoes.person", False)
        if known is not False:
            return known  # type: ignore[no-any-return]
        found = self._person(request)
        request.scope["saysdoes.person"] = found
        return found

    def _person(self, request: Request) -> Person | None:
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            account = self.accounts.of_key(key.strip())
            if account is None:
                raise Fault(401, "key", "This key is not known.", "Make one with `serve --new-key NAME`.")
            return self._of(account, account.name, "key", None)
        header = self.config.web.proxy_header
        if header:
            named = request.headers.get(header, "").strip()
            if named and self.from_proxy(request):
                session = self.session(request)
                if session is None or session.name != named:
                    session = None
                return self._of(self.accounts.get(named), named, "proxy", session)
        session = self.session(request)
        if session is not None and session.name:
            account = self.accounts.get(session.name)
            if account is not None and account.epoch == session.epoch and account.has_password:
                return self._of(account, account.name, "session", session)
        if self.open_to_all():
            return Person(name=NOBODY, role="admin", way="open", products=self.products, session=session)
        return None

    def _of(self, account: Account | None, name: str, way: str, session: Session | None) -> Person | None:
        seen = self.visible(account, name)
        if account is None and not seen:
            return None
        return Person(name=name, role=account.role if account else "viewer", way=way, products=seen, session=session)

    def session(self, request: Request) -> Session | None:
        """The session of the request's cookie; one that was just begun for this answer counts too."""
        begun = request.scope.get("saysdoes.session")
        if begun is not None:
            return begun  # type: ignore[no-any-return]
        cookie = request.cookies.get(COOKIE, "")
        return self.sessions.read(cookie) if cookie else None

    def begin(self, request: Request, name: str = "", epoch: int = 0) -> Session:
        """A new session; the answer sets its cookie."""
        session = self.sessions.new(name, epoch)
        request.scope["saysdoes.session"] = session
        return session


def house(request: Request) -> House:
    """The opened house."""
    return request.app.state.house  # type: ignore[no-any-return]


def signed_in(request: Request) -> Person:
    """Who asks. Raises a 401 Fault when nobody is signed in, a 429 Fault when they ask too often."""
    home = house(request)
    person = home.person(request)
    if person is None:
        home.limits.take("read", home.address(request))
        raise sign_in_first()
    home.limits.take("read", home.address(request) if person.way == "open" else person.name)
    return person


def need(person: Person, role: str) -> None:
    """Raises a 403 Fault when the person's role is smaller than `role`."""
    if not person.may(role):
        raise not_allowed(role)


def product_of(person: Person, name: str) -> Product:
    """The named product, or the only one when none is named. Raises a 404 Fault when it is not theirs to see."""
    if not name and len(person.products) == 1:
        return person.products[0]
    for product in person.products:
        if product.name == name:
            return product
    raise not_found("product") if name or not person.products else Fault(
        422, "product", "Which product? None was named.", f"Name one of: {', '.join(person.names)}."
    )


def same_site(request: Request) -> bool:
    """Whether the browser says that the request comes from our own pages; true for clients that are no browsers."""
    site = request.headers.get("sec-fetch-site", "")
    if site and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin", "")
    return not origin or origin.split("://", 1)[-1] == request.headers.get("host", "")


def check_change(request: Request, token: str) -> None:
    """Lets a state change pass: with a key, or with the token of the session. Raises a 403 Fault otherwise."""
    home = house(request)
    person = home.person(request)
    if person is not None and person.way == "key":
        return
    refused = Fault(403, "token", "The form is too old or comes from another site.", "Load the page again and repeat.")
    if not same_site(request):
        raise refused
    session = home.session(request)
    bare_script = not request.headers.get("cookie") and not request.headers.get("origin")
    if person is not None and person.way == "open" and bare_script and request.url.path.startswith("/api/"):
        return
    if session is None or not token or not home.sessions.token_fits(session, token):
        raise refused


def networks(names: Sequence[str]) -> tuple[Any, ...]:
    """Networks by name. Raises UsageError for one that is none."""
    try:
        return tuple(ipaddress.ip_network(n, strict=False) for n in names)
    except ValueError as err:
        raise UsageError(f"`web.trusted_proxies`: {err}. Write addresses or networks, such as 10.1.0.0/16.") from err


def is_in(address: str, within: tuple[Any, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    try:
        found: Any = ipaddress.ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found.version == n.version and found in n for n in within)
