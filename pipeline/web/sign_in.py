"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from pipeline.web.faults import Fault
from pipeline.web.guard import check_change, house
from pipeline.web.shown import page

ROUTES = APIRouter()


def inside(target: str) -> str:
    """`target` when it is a path of this server, else the first page: no sign-in leads elsewhere."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and not set(target) & set("\\\r\n\t")
    return target if plain else "/"


def form(request: Request, *, target: str, status: int = 200, said: str = "", name: str = "") -> Response:
    """The form; it leads to `target` afterwards."""
    return page(request, "sign_in.html", title="Sign in", status=status, target=inside(target), said=said, name=name)


@ROUTES.get("/sign-in")
def show(request: Request, to: str = "/") -> Response:
    """The form, or the first page for who is signed in."""
    home = house(request)
    home.limits.take("read", home.address(request))
    if home.person(request) is not None:
        return RedirectResponse(inside(to), status_code=303)
    return form(request, target=to)


@ROUTES.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=2000)] = "",
    to: Annotated[str, Form(max_length=2000)] = "/",
    token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Opens a session, or says that name and password do not fit; nothing tells which of the two."""
    home = house(request)
    check_change(request, token)
    home.limits.take("sign_in", home.address(request))
    home.limits.take("sign_in", f"name {name[:80].lower()}")
    account = home.accounts.sign_in(name, password)
    if account is None:
        return form(request, target=to, status=401, said="Name and password do not fit.", name=name)
    home.begin(request, account.name, account.epoch)
    return RedirectResponse(inside(to), status_code=303)


@ROUTES.post("/sign-out")
def sign_out(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Ends every session of the account, here and on other devices."""
    home = house(request)
    check_change(request, token)
    person = home.person(request)
    if person is None or person.way != "session":
        raise Fault(409, "no_session", "There is no session to end.", "")
    home.accounts.end_sessions(person.name)
    home.begin(request)
    return RedirectResponse("/sign-in", status_code=303)
