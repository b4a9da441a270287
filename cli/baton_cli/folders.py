"""Folders that a person names: made and tried out before anything is built on them."""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from baton_cli.trouble import Trouble


def make(folder: Path, option: str) -> None:
    """Make a folder that can be written to, unless it is there. Raises `Trouble` that names the option."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise Trouble(f"Nothing can be written to {folder} ({reason}). Choose another folder with {option}.") from error


def write(file: BinaryIO, data: bytes) -> None:
    """Write to a file. Raises `Trouble`."""
    try:
        file.write(data)
    except OSError as error:
        raise Trouble(f"{file.name} could not be written to its end: {error.strerror}.") from error
