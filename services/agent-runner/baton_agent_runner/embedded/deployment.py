"""The deployer's package: README, Dockerfile and Compose file of the program for a data model."""

from typing import Final

from baton_agent_runner.embedded.data_model import DataModel
from baton_agent_runner.embedded.scaffold import render, sample
from baton_agent_runner.embedded.wording import GENERATED_BY, offered
from baton_contracts.handoffs import DeploymentPackage, SourceFile

_FILES: Final = ("README.md", "Dockerfile", "compose.yaml", ".dockerignore")
_INSTRUCTIONS: Final = (
    "Unpack the ZIP and go into its folder.",
    "Run the tests: python -m unittest",
    "Start it: python app.py, then open http://127.0.0.1:8000",
    "Or with Docker: docker compose up --build, then open http://127.0.0.1:8000",
)


def _example(model: DataModel) -> str:
    """Return a first record as JSON for the README: it needs nothing else to exist."""
    entity = next(entity for entity in model.entities if not any(field.required for field in entity.references))
    required = (field for field in entity.fields if field.required)
    return "{" + ", ".join(f'"{field.name}": {sample(field)}' for field in required) + "}"


def deploy(model: DataModel, tests: str) -> DeploymentPackage:
    """Return the files that explain and ship the program; `tests` says in a sentence what its tests gave."""
    more = {"generated_by": GENERATED_BY, "offered": offered(model), "tests": tests}
    more |= {"example": _example(model)}
    more |= {"unsupported": model.unsupported, "notes": model.notes}
    files = [SourceFile(path=path, content=render(path.removeprefix("."), model, **more)) for path in _FILES]
    return DeploymentPackage(files=files, run_instructions=list(_INSTRUCTIONS))
