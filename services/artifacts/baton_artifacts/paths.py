"""Paths that are safe to unpack anywhere, from whatever an agent proposed.

Invariants of a cleaned path: relative, `/` between parts, no part is empty, `.` or `..`, none ends in a dot or a
space, no character is a control, a bidi mark or forbidden on Windows, no part is a Windows device or a `.git`
folder (whose hooks would run). Cleaning never fails and cleaning twice changes nothing. Of two paths that are one
on a case-insensitive disk, the later gets a number.
"""

import re
import unicodedata
from typing import Final

_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FORBIDDEN: Final = re.compile('[<>:"|?*\u2044\u2215\u2216\u29f5\u29f8\u29f9]')  # the last six map to slashes
_DRIVE: Final = re.compile(r"^\s*(?:[A-Za-z]:)+")
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)\d)\s*(?:\..*)?|\.git|git~\d", re.IGNORECASE
)
_TRAILING: Final = re.compile(r"[.\s]+\Z")  # Windows drops it, and then two names are one
_NAMELESS: Final = "unnamed"
MAX_PART: Final = 120
MAX_PATH: Final = 200
_MAX_SUFFIX: Final = 20
_MAX_DEPTH: Final = 20


def clean(path: str) -> str:
    """Return a path of the invariants above; at most 200 bytes of UTF-8, 120 a part."""
    printable = "".join(char for char in path if unicodedata.category(char) not in _UNPRINTABLE)
    parts = unicodedata.normalize("NFKC", printable).replace("\\", "/").split("/")
    parts = [part for part in map(_clean_part, parts) if part] or [_NAMELESS]
    del parts[1:-_MAX_DEPTH]
    while len("/".join(parts).encode()) > MAX_PATH:
        del parts[-2]  # the name says most, the topmost folder says where it belongs
    return "/".join(parts)


def _clean_part(part: str) -> str:
    part = _FORBIDDEN.sub("_", _DRIVE.sub("", part)).lstrip()
    part = _TRAILING.sub("", part)
    return _shorten(f"_{part}" if _DEVICE.fullmatch(part) else part)


def _shorten(part: str) -> str:
    """Cut the stem, so that the suffix goes on telling what the file is."""
    if len(part.encode()) <= MAX_PART:
        return part
    stem, dot, suffix = part.rpartition(".")
    ending = dot + suffix
    if not stem or len(ending.encode()) > _MAX_SUFFIX:
        stem, ending = part, ""
    return _TRAILING.sub("", _cut(stem, MAX_PART - len(ending.encode()))) + ending


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def key(path: str) -> str:
    """Return what a disk that ignores case, or normalises names, holds a path for."""
    return unicodedata.normalize("NFKC", path.casefold())


class Taken:
    """The paths given out so far, so that no two files, and no file and folder, are one on any disk."""

    def __init__(self, *paths: str) -> None:
        self._is_file: dict[str, bool] = {}
        for path in paths:
            self.claim(path)

    def claim(self, path: str) -> str:
        """Return the path, or one like it with a number where that is taken."""
        *folders, name = path.split("/")
        claimed = ""
        for folder in folders:
            claimed = self._free(claimed, folder, is_file=False)
        return self._free(claimed, name, is_file=True)

    def _free(self, folder: str, name: str, *, is_file: bool) -> str:
        number, path = 1, f"{folder}/{name}".lstrip("/")
        while self._clashes(path, is_file=is_file):
            number += 1
            path = f"{folder}/{_numbered(name, number)}".lstrip("/")
        self._is_file[key(path)] = is_file
        return path

    def _clashes(self, path: str, *, is_file: bool) -> bool:
        taken = self._is_file.get(key(path))
        return taken is not None and (is_file or taken)


def _numbered(name: str, number: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{number}.{suffix}" if stem and dot else f"{name}-{number}"
