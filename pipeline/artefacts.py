"""Opens models/<name>: checks its manifest and the SHA-256 of each file, never the network."""

from __future__ import annotations

import hashlib
import json
import pathlib
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ModelError
from pipeline.house import HOME

MODELS = HOME / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A model folder whose files are what its manifest says. `version` changes whenever a file does."""

    name: str
    folder: pathlib.Path
    manifest: dict[str, Any]
    version: str

    def path(self, file: str) -> pathlib.Path:
        return self.folder / file


def open_model(name: str, folder: pathlib.Path | None = None) -> Artefact:
    """The checked model folder models/<name>.

    Raises ModelError when it is absent, when a file is missing or when a checksum differs, naming the rebuild command.
    """
    folder = folder or MODELS / name
    rebuild = f"restore models/{name} from the repository, or rebuild it with `python models/{name}/train.py`"
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ModelError(f"Model {name!r} has no readable manifest in {folder}: {rebuild}.") from err
    digest = hashlib.sha256()
    for file, wanted in sorted(manifest["files"].items()):
        try:
            found = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        except OSError as err:
            raise ModelError(f"Model {name!r} lacks {file}: {rebuild}.") from err
        if found != wanted:
            raise ModelError(
                f"Model {name!r}: {file} has SHA-256 {found[:12]}..., the manifest says {wanted[:12]}...: {rebuild}."
            )
        digest.update(found.encode())
    return Artefact(name=name, folder=folder, manifest=manifest, version=f"{name}-{digest.hexdigest()[:12]}")
