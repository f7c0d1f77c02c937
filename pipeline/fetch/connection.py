"""Connections that go to a checked address and nowhere else, and that end when their time is up.

`GateAdapter` is the transport adapter of requests: it gives each origin a urllib3 pool whose connections ask the
address guard where to go at the moment they open. Host header, SNI and certificate check keep the name; the socket
gets the address. Proxies of the environment are never asked.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import certifi
import urllib3.connection
import urllib3.connectionpool
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import Timeout

from pipeline.fetch.address import Guard, Route
from pipeline.fetch.settings import FetchSettings
from pipeline.fetch.url import Url

# How many addresses of a name are tried; the deadline holds for all of them together.
MAX_ADDRESSES = 4
MAX_POOLS = 256


class _Exchange:
    """One exchange under the watchdog's eyes. `brake` is a second handle on the socket in use.

    The handle is the exchange's own: the connection lets go of its socket as soon as the headers announce a close,
    long before the body has been read.
    """

    __slots__ = ("brake", "ends_at", "fired", "lock")

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.brake: socket.socket | None = None
        self.fired = False
        self.lock = threading.Lock()

    def over(self, sock: socket.socket | None) -> None:
        """Puts the brake on `sock`, or takes it off."""
        with self.lock:
            if self.brake is not None:
                self.brake.close()
            self.brake = None if sock is None or sock.fileno() < 0 else socket.socket(fileno=os.dup(sock.fileno()))


class Watchdog:
    """Shuts the socket of an exchange that is past its deadline.

    A socket timeout bounds the gap between two reads only: a server that sends one byte every nine seconds, in the
    handshake, the headers or the body, would hold a thread for hours.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: set[_Exchange] = set()
        self._local = threading.local()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, seconds: float) -> Iterator[_Exchange]:
        """The current thread's exchange ends after `seconds`; `fired` tells afterwards whether it was cut."""
        exchange = _Exchange(time.monotonic() + seconds)
        with self._lock:
            self._active.add(exchange)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="fetch-watchdog", daemon=True)
                self._thread.start()
        self._local.exchange = exchange
        try:
            yield exchange
        finally:
            self._local.exchange = None
            with self._lock:
                self._active.discard(exchange)
            exchange.over(None)

    def uses(self, sock: socket.socket | None) -> None:
        """Notes the socket that the current thread's exchange runs over."""
        exchange: _Exchange | None = getattr(self._local, "exchange", None)
        if exchange is not None and sock is not None:
            exchange.over(sock)

    def remaining(self, default: float) -> float:
        """Seconds left of the current thread's exchange."""
        exchange = getattr(self._local, "exchange", None)
        return default if exchange is None else max(0.05, exchange.ends_at - time.monotonic())

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            now = time.monotonic()
            with self._lock:
                late = [e for e in self._active if e.ends_at <= now]
            for exchange in late:
                exchange.fired = True
                with exchange.lock:
                    if exchange.brake is not None:
                        # The server may have gone already; then there is nothing left to stop.
                        with suppress(OSError):
                            exchange.brake.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()


class _Guarded:
    """What both kinds of connection share: opening to a checked address, with a brake for the watchdog."""

    where: Callable[[], Route]
    watchdog: Watchdog

    def _open(self, connection: Any) -> socket.socket:
        route = self.where()
        timeout = float(connection.timeout or 5.0)
        error: OSError | None = None
        for address in route.addresses[:MAX_ADDRESSES]:
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.settimeout(min(timeout, self.watchdog.remaining(timeout)))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect((address, route.port))
            except OSError as err:
                sock.close()
                error = err
                continue
            self.watchdog.uses(sock)
            return sock
        if isinstance(error, TimeoutError):
            raise ConnectTimeoutError(connection, f"no connection within {timeout:g} s") from error
        raise NewConnectionError(connection, str(error)) from error


class GuardedConnection(_Guarded, urllib3.connection.HTTPConnection):
    """Plain HTTP to a checked address."""

    def __init__(self, *args: Any, where: Callable[[], Route], watchdog: Watchdog, **kw: Any) -> None:
        self.where, self.watchdog = where, watchdog
        super().__init__(*args, **kw)

    def _new_conn(self) -> socket.socket:
        return self._open(self)

    def request(self, *args: Any, **kw: Any) -> None:
        """Sends a request; a connection that is open already is put under the watchdog again."""
        self.watchdog.uses(self.sock)
        super().request(*args, **kw)


class GuardedTlsConnection(_Guarded, urllib3.connection.HTTPSConnection):
    """HTTPS to a checked address, the certificate checked against the name."""

    def __init__(self, *args: Any, where: Callable[[], Route], watchdog: Watchdog, **kw: Any) -> None:
        self.where, self.watchdog = where, watchdog
        super().__init__(*args, **kw)

    def _new_conn(self) -> socket.socket:
        return self._open(self)

    def request(self, *args: Any, **kw: Any) -> None:
        """Sends a request; a connection that is open already is put under the watchdog again."""
        self.watchdog.uses(self.sock)
        super().request(*args, **kw)


class _PlainPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = GuardedConnection


class _TlsPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = GuardedTlsConnection


class GateAdapter(HTTPAdapter):
    """The transport adapter of requests over guarded connections; one pool an origin, the oldest dropped first."""

    def __init__(self, settings: FetchSettings, guard: Guard) -> None:
        super().__init__(max_retries=0)
        self._settings = settings
        self._guard = guard
        self._pools: OrderedDict[str, urllib3.connectionpool.HTTPConnectionPool] = OrderedDict()
        self._lock = threading.Lock()
        self.watchdog = Watchdog()
        # One context for all connections: loading the authorities takes 20 ms each time.
        self._tls = ssl.create_default_context(cafile=certifi.where())
        if settings.ca_bundle:
            self._tls.load_verify_locations(cafile=settings.ca_bundle)

    def _pool(self, url: Url) -> urllib3.connectionpool.HTTPConnectionPool:
        with self._lock:
            pool = self._pools.get(url.origin)
            if pool is not None:
                self._pools.move_to_end(url.origin)
                return pool
            # Whether the operator maps the host to plain HTTP is known without a look-up; see Guard.route.
            tls = self._guard.route(url).tls if self._guard.is_mapped(url.host) else url.scheme == "https"
            extra: dict[str, Any] = {"where": lambda: self._guard.route(url), "watchdog": self.watchdog}
            if tls:
                pool = _TlsPool(url.host, url.port, maxsize=32, block=False, ssl_context=self._tls, **extra)
            else:
                pool = _PlainPool(url.host, url.port, maxsize=32, block=False, **extra)
            self._pools[url.origin] = pool
            if len(self._pools) > MAX_POOLS:
                self._pools.popitem(last=False)[1].close()
            return pool

    def exchange(self, url: Url, headers: dict[str, str]) -> Response:
        """The answer to one GET, its body still unread. Raises what requests raises, and Refused or Unresolved."""
        request = PreparedRequest()
        # Prepared by hand: requests would parse the URL once more, and differently.
        request.method, request.url, request.body = "GET", url.href, None
        request.headers = {"Host": url.origin.partition("://")[2], **headers}  # type: ignore[assignment]
        request.hooks = {"response": []}
        request._cookies = None  # type: ignore[attr-defined]
        timeout = Timeout(connect=self._settings.connect_timeout_s, read=self._settings.read_timeout_s)
        return self._send(request, url, timeout)

    def _send(self, request: PreparedRequest, url: Url, timeout: Timeout) -> Response:
        request.pool = self._pool(url)  # type: ignore[attr-defined]
        return self.send(request, stream=True, timeout=timeout, verify=True, proxies={})  # type: ignore[arg-type]

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> urllib3.connectionpool.HTTPConnectionPool:
        """The pool chosen in `exchange`; requests asks for it here."""
        pool: urllib3.connectionpool.HTTPConnectionPool = request.pool  # type: ignore[attr-defined]
        return pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """Path and query exactly as parsed."""
        return "/" + str(request.url).partition("://")[2].partition("/")[2]

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to do: the pool's own context verifies always."""

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()
        self.watchdog.stop()
        super().close()
