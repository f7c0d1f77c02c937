"""Writes whole files or none: a temporary file in the same folder, flushed to disk, then renamed over the old one.

A reader never sees half a scorecard, and a full disk leaves the old one in place.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
from collections.abc import Iterable
from typing import Any

from pipeline.errors import UsageError

Place = str | os.PathLike[str]


def write_bytes(data: bytes, path: Place) -> None:
    """Puts `data` under `path`, making its folder. Raises UsageError when that place cannot be written."""
    target = pathlib.Path(path)
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise UsageError(f"{target} is a folder: name a file to write to.")
        # A pipe or device (/dev/stdout) cannot be renamed over; it takes the bytes as they come.
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        temporary = ""
    except OSError as err:
        raise UsageError(f"{target} cannot be written ({err.strerror or err}): check the folder, its permissions and the space.") from err
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _mode(target: pathlib.Path) -> int:
    # mkstemp makes private files; a report gets the mode that it had, or what the umask gives any new file.
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_text(text: str, path: Place) -> None:
    """`text` as UTF-8; what has no UTF-8 form (a lone surrogate) is written as its escape."""
    write_bytes(text.encode("utf-8", "backslashreplace"), path)


def json_text(value: Any, *, indent: int | None = 1) -> str:
    """`value` as JSON that any reader takes: no NaN, a lone surrogate as `\\udXXX`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    # U+2028 and U+2029 end a line for some readers of JSON Lines; their escapes mean the same.
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_object(value: Any, path: Place) -> None:
    """`value` as one JSON document."""
    write_text(json_text(value) + "\n", path)


def write_lines(rows: Iterable[Any], path: Place) -> None:
    """`rows` as JSON Lines, one object a line, in the order given."""
    write_text("".join(json_text(row, indent=None) + "\n" for row in rows), path)
