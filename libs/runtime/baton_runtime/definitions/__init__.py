"""Definitions as data: what a `.bmad-core` folder in BMAD v4's formats defines, loaded and rendered.

Services read definitions through this package alone. Whatever a file holds, loading does not raise: a file
that cannot be used is an entry in `Loaded.errors` that names the field.
"""

from .folder import CoreNotFoundError, DefinitionError, Loaded, find_core, load_definitions
from .outline import outline
from .substitution import Value, Variables
from .templates import render
from .variables import VariableUse, extent, variables_of
from .yaml import InvalidDefinition, dump_yaml

__all__ = [
    "CoreNotFoundError",
    "DefinitionError",
    "InvalidDefinition",
    "Loaded",
    "Value",
    "VariableUse",
    "Variables",
    "dump_yaml",
    "extent",
    "find_core",
    "load_definitions",
    "outline",
    "render",
    "variables_of",
]
