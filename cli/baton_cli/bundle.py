"""The ZIP on this machine: where it is saved, and what is in it."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import uuid4

from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from baton_cli.screen import harmless
from baton_cli.trouble import Trouble

_NAME_LENGTH: Final = 80


def safe_name(name: str) -> str:
    """Return the stem of a file name without folders, dots and spaces."""
    return re.sub(r"[\W_]+", "-", name.removesuffix(".zip").lower())[:_NAME_LENGTH].strip("-") or "project"


def place(folder: Path, name: str, project_id: str) -> Path:
    """Reserve the file for a project's ZIP, never that of another: the short id is added when the name is taken."""
    stem = safe_name(name)
    for path in (folder / f"{stem}.zip", folder / f"{stem}-{project_id[:8]}.zip", folder / f"{stem}-{project_id}.zip"):
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    return path  # it carries this project's whole id


def unfinished(folder: Path) -> Path:
    """Make a file in the same folder to download into; unlike a temporary file it is no secret."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{uuid4().hex}.part"
    path.touch(exist_ok=False)
    return path


def check(path: Path) -> None:
    """Raise `Trouble` unless the file is a whole ZIP."""
    try:
        with zipfile.ZipFile(path) as bundle:
            broken = bundle.testzip()
    except zipfile.BadZipFile as error:
        broken = str(error)
    if broken:
        raise Trouble(f"The ZIP did not arrive whole ({broken}) and was not kept. Download it again.")


def tree(path: Path) -> Tree:
    """Return the folders and files of a ZIP with their sizes."""
    with zipfile.ZipFile(path) as bundle:
        sizes = {entry.filename: entry.file_size for entry in bundle.infolist() if not entry.is_dir()}
    root = Tree(Text(path.name, "bold"), guide_style="dim")
    _grow(root, sorted((name.split("/"), size) for name, size in sizes.items()))
    return root


def _grow(tree: Tree, entries: Iterable[tuple[list[str], int]]) -> None:
    folders: dict[str, list[tuple[list[str], int]]] = {}
    files: list[tuple[str, int]] = []
    for (first, *rest), size in entries:
        if rest:
            folders.setdefault(first, []).append((rest, size))
        else:
            files.append((first, size))
    for name, inside in folders.items():
        _grow(tree.add(Text(f"{harmless(name)}/", "bold")), inside)
    for name, size in files:
        tree.add(Text.assemble(harmless(name), ("  " + decimal(size), "dim")))
