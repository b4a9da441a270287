"""The architect's document: schema, parts, tasks and a diagram of the program for a data model."""

from typing import Final
from uuid import UUID

from baton_agent_runner.embedded.data_model import DataModel, Entity
from baton_agent_runner.embedded.naming import join_words
from baton_agent_runner.embedded.scaffold import features, render
from baton_agent_runner.embedded.wording import all_of, count, offered, say
from baton_contracts.handoffs import ImplementationPlan

_TECH_STACK: Final = (
    "Python 3.11 or later, its standard library alone",
    "http.server (ThreadingHTTPServer) for HTTP",
    "SQLite (sqlite3) in WAL mode, foreign keys on",
    "HTML rendered on the server, one stylesheet, no scripts",
    "JSON API with validation and problem messages by field",
    "unittest against a running server",
    "Docker and Compose for deployment",
)
_DIAGRAM_TYPES: Final = {"integer": "int", "number": "float", "boolean": "bool", "date": "date", "reference": "int"}


def plan(model: DataModel, project_id: UUID) -> ImplementationPlan:
    """Return the plan of a program for a data model; the diagram's address is relative to the gateway's."""
    return ImplementationPlan(
        architecture_diagram_url=f"/api/v1/artifacts/{project_id}/diagram",
        database_schema=render("schema.sql", model),
        tech_stack=list(_TECH_STACK),
        task_breakdown=_tasks(model),
    )


def _tasks(model: DataModel) -> list[str]:
    tables = "; ".join(f"{e.plural} ({', '.join(field.name for field in e.fields)})" for e in model.entities)
    return [
        f"schema.sql: the tables {tables}.",
        f"entities.py: declare {all_of(model)} with their fields, labels and limits.",
        "validation.py: check values from JSON, and read those from forms and queries.",
        "store.py: read, find, add, change and remove records with bound parameters; one connection a call.",
        "web.py: requests, responses and problems.",
        "api.py: list, create, read, replace, change and delete at "
        + ", ".join(f"/api/{entity.plural}" for entity in model.entities)
        + ".",
        "page.py: a section with a table and a form for each entity, and a page to edit a record.",
        "app.py: the server, its limits, its headers and its command line.",
        *(f"Feature: {name}. {what}" for name, what in offered(model)),
        "tests/: start the server on a free port and try every entity through the API and the page.",
        *(f"Not planned, out of scope of the embedded model: {name}." for name in model.unsupported),
        *(f"Reviewer asked: {note} (left for a person)" for note in model.notes),
    ]


def diagram(model: DataModel) -> str:
    """Return the Mermaid source of the entities and how they belong together."""
    lines = ["erDiagram"]
    for entity in model.entities:
        lines += [f"    {entity.name.upper()} {{", "        int id PK"]
        for field in entity.fields:
            key = " FK" if field.refers_to else ""
            lines.append(f"        {_DIAGRAM_TYPES.get(field.type, 'string')} {field.name}{key}")
        lines.append("    }")
    lines += [_relation(model, entity, field.refers_to) for entity in model.entities for field in entity.references]
    return "\n".join(lines) + "\n"


def _relation(model: DataModel, entity: Entity, target: str) -> str:
    required = next(field.required for field in entity.references if field.refers_to == target)
    one = "||" if required else "|o"
    return f'    {model.entity(target).name.upper()} {one}--o{{ {entity.name.upper()} : "has"'


def summarise(model: DataModel) -> str:
    """Return what was planned, as a message to a person."""
    optional = sum(features(model).values())
    text = f"The plan has a table, an API path and a section of the page for each of {all_of(model)}"
    links = [
        f"{say(entity, model.language, many=True)} refer to "
        f"{say(model.entity(field.refers_to), model.language, many=True)}"
        for entity in model.entities
        for field in entity.references
    ]
    text += f"; {join_words(links)}" if links else ""
    text += f". On top {'comes' if optional == 1 else 'come'} {count(optional, 'optional feature')}" if optional else ""
    return f"{text}. It runs on Python's standard library and SQLite."
