"""What goes wrong, in one shape: {"error": {"code", "message", "remedy"}} for scripts, a page with the same words for people."""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """An answer that is no success: HTTP status, a short stable code, what happened, what to do."""

    def __init__(self, status: int, code: str, message: str, remedy: str = "", *, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.remedy = status, code, message, remedy
        self.headers = {"Retry-After": str(retry_after)} if retry_after else {}

    def body(self) -> dict[str, Any]:
        """The one error shape."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


def not_found(what: str = "page") -> Fault:
    """The same answer for what does not exist and for what this person may not see."""
    return Fault(404, "not_found", f"There is no such {what}, or it is not yours to see.", "Check the address.")


def sign_in_first() -> Fault:
    """Nobody is signed in."""
    return Fault(401, "sign_in", "Nobody is signed in.", "Sign in, or send a key: Authorization: Bearer sd_...")


def not_allowed(role: str) -> Fault:
    """The person's role is too small."""
    return Fault(403, "role", f"This needs the role {role}.", "Ask whoever runs this server.")


BY_STATUS = {
    400: ("bad_request", "The request cannot be read.", "See the API description at /api/v1/openapi.json."),
    404: ("not_found", "There is nothing at this address.", "Check the address."),
    405: ("method", "This address does not take that method.", "See the API description at /api/v1/openapi.json."),
    413: ("too_large", "That is larger than this server takes.", "Send less, or split it."),
}


def of_status(status: int) -> Fault:
    """The fault that stands for a bare HTTP status."""
    code, message, remedy = BY_STATUS.get(status, ("refused", f"The server answered {status}.", "Try again."))
    return Fault(status, code, message, remedy)
