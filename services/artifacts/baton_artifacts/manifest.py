"""The files of a bundle: the documents, the program, what deploys it, and `baton.json` that vouches for the rest.

Pure: equal sources and documents give equal bytes. Where the program and its deployment both bring a path, the
deployment's stands; the documents and the manifest keep their paths against both. What is too much for one bundle
is `Refused` before anything is compressed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from baton_artifacts.decide import Sources
from baton_artifacts.kinds import kind_of
from baton_artifacts.paths import Taken, clean, key
from baton_contracts.commands import Refused
from baton_contracts.events import BundledFile
from baton_contracts.handoffs import Json, SourceFile

MANIFEST: Final = "baton.json"
MAX_FILES: Final = 500  # their names must fit into one event of 256 KiB
MAX_BYTES: Final = 50 << 20


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file: its path in the ZIP, its bytes, its kind."""

    path: str
    data: bytes
    type: str

    def entry(self) -> BundledFile:
        """Return what the log and the manifest keep of it."""
        digest = hashlib.sha256(self.data).hexdigest()
        return BundledFile(name=self.path, type=self.type, size=len(self.data), sha256=digest)


def files_of(sources: Sources, documents: Mapping[str, str]) -> list[BundleFile]:
    """Return all files by path, the manifest last. Raises `Refused` (413) over 500 files or 50 MiB."""
    program = _program(sources)
    _check_count(len(program) + len(documents) + 1)
    taken = Taken(MANIFEST, *documents)
    texts = dict(documents) | {taken.claim(path): text for path, text in program}
    files = [BundleFile(path, text.encode(), kind_of(path)) for path, text in sorted(texts.items())]
    _check_size(sum(len(file.data) for file in files))
    return [*files, _manifest(sources, files)]


def _program(sources: Sources) -> list[tuple[str, str]]:
    """Return cleaned paths and texts: the deployment's, then the program's that it does not replace."""
    deployment = _package(sources, "deployment_package")
    replaced = {key(path) for path, _ in deployment}
    return [*deployment, *(file for file in _package(sources, "code_package") if key(file[0]) not in replaced)]


def _package(sources: Sources, kind: str) -> list[tuple[str, str]]:
    artifact = sources.outputs.get(kind)
    files = [SourceFile.model_validate(file) for file in artifact.content["files"]] if artifact else []
    return [(clean(file.path), file.content) for file in files]


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        detail = f"The project has {count} files and a bundle holds {MAX_FILES} at most. Ask for fewer files."
        raise Refused(413, "Too many files for a bundle", detail)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        detail = f"The files are {size:,} bytes and a bundle holds {MAX_BYTES:,} at most. Ask for smaller files."
        raise Refused(413, "Too large for a bundle", detail)


def _manifest(sources: Sources, files: list[BundleFile]) -> BundleFile:
    """Return the manifest; it names nothing that changes while the outputs stay as they are."""
    content: Json = {
        "project_id": str(sources.project_id),
        "name": sources.created.name,
        "product_idea": sources.created.product_idea,
        "workflow_ids": sources.workflow_ids,
        "artifacts": [_origin(sources, kind) for kind in sorted(sources.outputs)],
        "files": [file.entry().model_dump() for file in files],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return BundleFile(MANIFEST, text.encode(), kind_of(MANIFEST))


def _origin(sources: Sources, kind: str) -> Json:
    artifact = sources.outputs[kind]
    return {
        "artifact_id": str(artifact.artifact_id),
        "handoff_type": kind,
        "source_agent": sources.agents[kind],
        "generated_by": artifact.content.get("generated_by"),
    }
