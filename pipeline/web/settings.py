"""The settings in force, for administrators: read only, with everything that could be a secret masked."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from pipeline.web.guard import Person, house, signed_in
from pipeline.web.shown import page

ROUTES = APIRouter()
MASK = "(hidden)"
_SECRET = re.compile(r"pass|secret|token|key|auth|cookie|credential", re.I)


def masked(value: Any, name: str = "") -> Any:
    """`value` with secrets hidden: by the name of their key, and passwords and queries inside addresses."""
    if isinstance(value, dict):
        return {k: masked(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [masked(v, name) for v in value]
    if _SECRET.search(name) and value not in ("", None, False, True):
        return MASK
    if isinstance(value, str):
        value = re.sub(r"(://[^/@\s:]*):[^@/\s]*@", rf"\1:{MASK}@", value)
        return re.sub(r"([?&][^=&\s]*(?:pass|secret|token|key|sig|auth)[^=&\s]*)=[^&\s]*", rf"\1={MASK}", value, flags=re.I)
    return value


def flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """(key, value) lines; lists on one line."""
    if isinstance(value, dict) and value:
        return [line for k, v in value.items() for line in flat(v, f"{path}.{k}" if path else str(k))]
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return [line for n, v in enumerate(value, 1) for line in flat(v, f"{path} {n}")]
    said = ", ".join(map(str, value)) if isinstance(value, list) else "" if value == {} else str(value)
    return [(path, said or "none")]


@ROUTES.get("/settings")
def show(request: Request, person: Annotated[Person, Depends(signed_in)]) -> Response:
    """Products and the person's own rights; for administrators every setting."""
    home = house(request)
    lines = flat(masked(home.config.model_dump(mode="json"))) if person.may("admin") else []
    return page(request, "settings.html", title="Settings", here="settings", lines=lines, checker=home.foreman.alive())


