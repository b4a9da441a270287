"""The coder's package: the files of a small web service for a data model, with its tests."""

from typing import Final

from baton_agent_runner.embedded.data_model import DataModel
from baton_agent_runner.embedded.scaffold import averages, features, render
from baton_agent_runner.embedded.wording import all_of, count, offered
from baton_contracts.handoffs import CodePackage, SourceFile

_FILES: Final = (
    "app.py",
    "api.py",
    "page.py",
    "web.py",
    "store.py",
    "validation.py",
    "entities.py",
    "schema.sql",
    "style.css",
    ".gitignore",
    "tests/__init__.py",
    "tests/service.py",
    "tests/samples.py",
    "tests/test_api.py",
    "tests/test_page.py",
)
_EXTRAS: Final = {"export": "CSV export", "import": "CSV import", "statistics": "statistics", "due": "what is overdue"}


def write_code(model: DataModel) -> CodePackage:
    """Return the program for a data model: it starts with `python app.py` and is tested with `python -m unittest`."""
    has = features(model)
    extras = [name for key, name in _EXTRAS.items() if has[key]]
    names = ", ".join(name.lower() for name, _ in offered(model))
    paths = [*_FILES, "tests/test_features.py"] if any(has.values()) or averages(model) else list(_FILES)
    files = [
        SourceFile(path=path, content=render(path.removeprefix("."), model, extras=extras, feature_names=names))
        for path in paths
    ]
    return CodePackage(files=files, run_command=["python", "app.py"], test_command=["python", "-m", "unittest"])


def summarise(model: DataModel, package: CodePackage) -> str:
    """Return what was written, as a message to a person."""
    lines = sum(file.content.count("\n") for file in package.files)
    tests = sum(file.path.startswith("tests/") for file in package.files)
    return (
        f"I wrote {count(len(package.files), 'file')} with {lines:,} lines, {tests} of them tests: a web service for "
        f"{all_of(model)}. It starts with `python app.py`."
    )
