"""What stands before every request and on every answer: known host names, a bound on bodies, security headers, the session's cookie."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.web.faults import Fault, of_status
from pipeline.web.guard import LOOPBACK
from pipeline.web.sessions import COOKIE

if TYPE_CHECKING:
    from pipeline.web.guard import House

LOG = logging.getLogger("saysdoes.web")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# `same-origin` and not `no-referrer`: with the latter a browser sends `Origin: null` with our own forms.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Shield:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, home: House) -> None:
        self._app, self._home = app, home
        web = home.config.web
        # One mebibyte beside the file or text for the fields of the form.
        self._most = max(web.upload_mib * 2**20, 3 * web.text_kib * 2**10) + 2**20
        self._hosts = frozenset(h.lower() for h in web.hosts) | LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        taken, begun = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._most:
                    raise self._too_large()
            return message

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._dress(scope, MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await self._refuse(refusal, dressed)
            return
        try:
            await self._app(scope, counted, dressed)
        except Exception:
            if begun:
                raise
            where = f"{scope['method']} {scope['path']}".encode("unicode_escape").decode()
            LOG.exception("internal error at %s", where)
            fault = Fault(500, "internal", "The server made a mistake; its log says which.", "Try again, and tell whoever runs it.")
            await self._refuse(fault, dressed)

    def _too_large(self) -> Fault:
        fault = of_status(413)
        fault.remedy = f"At most {self._home.config.web.upload_mib} MiB are taken; split the file or the text."
        return fault

    def _refusal(self, scope: Scope, headers: Headers) -> Fault | None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            return self._too_large()
        # Without sign-in, a page elsewhere could point a name of its own at this machine and read everything.
        host = headers.get("host", "").lower().rsplit(":", 1)[0] if not headers.get("host", "").endswith("]") else headers["host"]
        if host.strip("[]") not in {h.strip("[]") for h in self._hosts} and (self._home.config.web.hosts or self._home.open_to_all()):
            return Fault(
                421, "host", "This server does not go by that name.", "Use the address it printed, or name the host under `web.hosts`."
            )
        return None

    async def _refuse(self, fault: Fault, send: Send) -> None:
        body = json.dumps(fault.body()).encode()
        await send(
            {
                "type": "http.response.start",
                "status": fault.status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": body})

    def _dress(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if not scope["path"].startswith("/static/"):
            headers["Cache-Control"] = "no-store"
        https = self._home.config.web.https
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        session: Any = scope.get("saysdoes.session")
        if session is not None:
            hours = int(self._home.config.web.session_hours * 3600)
            headers.append(
                "Set-Cookie",
                f"{COOKIE}={self._home.sessions.cookie(session)}; Path=/; HttpOnly; SameSite=Lax; Max-Age={hours}"
                + ("; Secure" if https else ""),
            )
