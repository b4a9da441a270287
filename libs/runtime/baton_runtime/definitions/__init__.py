"""Definitions as data: what a `.bmad-core` folder in BMAD v4's formats defines, loaded and rendered.

Services read definitions through this package alone. Whatever a file holds, loading does not raise: a file
that cannot be used is an entry in `Loaded.errors` that names the field.
"""

from .folder import CoreNotFoundError, DefinitionError, Loaded, find_core, load_definitions
from .templates import Value, Variables, render
from .yaml import InvalidDefinition

__all__ = [
    "CoreNotFoundError",
    "DefinitionError",
    "InvalidDefinition",
    "Loaded",
    "Value",
    "Variables",
    "find_core",
    "load_definitions",
    "render",
]
