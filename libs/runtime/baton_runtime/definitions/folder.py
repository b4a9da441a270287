"""A `.bmad-core` folder on disk: where it is, and all that it defines.

Invariants: files are read in the order of their names, so the result does not depend on the file system; a
file that cannot be used becomes one `DefinitionError` and hides no other. Of two files with one id the
first stands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import ValidationError

from baton_contracts.definitions import Definitions

from .agents import read_agent
from .teams import read_team
from .templates import read_template
from .workflows import read_workflow
from .yaml import MAX_BYTES, InvalidDefinition, parse_yaml

CORE: Final = ".bmad-core"
_YAML: Final = frozenset({".yaml", ".yml"})
_MARKDOWN: Final = frozenset({".md"})


class CoreNotFoundError(Exception):
    """No `.bmad-core` folder where one was looked for; the message says where, and what to set."""


class _Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Named)


@dataclass(frozen=True)
class DefinitionError:
    """A file that could not be used, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        """Return the one line for a log or a terminal."""
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Loaded:
    """What a folder defines, and the files that could not be used."""

    definitions: Definitions
    errors: tuple[DefinitionError, ...] = ()


def load_definitions(root: Path) -> Loaded:
    """Return all that the folder `root` defines; never raises for what a file holds."""
    errors: list[DefinitionError] = []
    if not root.is_dir():
        errors.append(DefinitionError(root, "is not a folder; nothing is defined. Set BATON_CORE_PATH"))
    definitions = Definitions(
        workflows=_load(root / "workflows", _YAML, lambda text, _: read_workflow(parse_yaml(text)), errors),
        agents=_load(root / "agents", _MARKDOWN, lambda text, _: read_agent(text), errors),
        teams=_load(root / "agent-teams", _YAML, lambda text, stem: read_team(parse_yaml(text), stem), errors),
        templates=_load(root / "templates", _YAML, lambda text, _: read_template(parse_yaml(text)), errors),
    )
    return Loaded(definitions, tuple(errors))


def find_core(path: Path | None = None) -> Path:
    """Return `path`, else the nearest `.bmad-core` from the working directory up, else the source checkout's.

    Raises `CoreNotFoundError` where there is none, or where `path` is not a folder.
    """
    if path is not None:
        if path.is_dir():
            return path
        raise CoreNotFoundError(
            f"{path} is not a folder, so no workflow or agent can be loaded. "
            f"Set BATON_CORE_PATH to a {CORE} folder that exists, or unset it."
        )
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / CORE).is_dir():
            return folder / CORE
    raise CoreNotFoundError(
        f"No {CORE} folder in {here} or above it, so no workflow or agent can be loaded. "
        f"Set BATON_CORE_PATH to the path of a {CORE} folder."
    )


def _load(
    folder: Path, suffixes: frozenset[str], read: Callable[[bytes, str], T], errors: list[DefinitionError]
) -> dict[str, T]:
    found: dict[str, T] = {}
    for path in _files(folder, suffixes, errors):
        try:
            definition = read(_bytes(path), path.stem)
            if definition.id in found:
                raise InvalidDefinition(  # noqa: TRY301 - one way out for every bad file
                    f"the id '{definition.id}' is taken by an earlier file; choose another"
                )
        except (InvalidDefinition, ValidationError, OSError) as error:
            errors.append(DefinitionError(path, _reason(error)))
        else:
            found[definition.id] = definition
    return found


def _files(folder: Path, suffixes: frozenset[str], errors: list[DefinitionError]) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        errors.append(DefinitionError(folder, _reason(error)))
        return
    yield from (path for path in paths if path.suffix in suffixes)


def _bytes(path: Path) -> bytes:
    if not path.is_file():  # a pipe or a device would block the start
        raise InvalidDefinition("is not a regular file; replace it by one, or remove it")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _reason(error: InvalidDefinition | ValidationError | OSError) -> str:
    match error:
        case ValidationError():
            return "; ".join(
                f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
        case OSError():
            return f"cannot be read ({error.strerror}); check that it is there and readable"
        case _:
            return str(error)
