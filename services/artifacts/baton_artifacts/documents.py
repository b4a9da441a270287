"""What agents wrote, as documents that people read: rendered with the templates of the `.bmad-core` folder.

Rendering does not fail: a template that the folder lacks is replaced by a plain one that shows every field.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from baton_artifacts.decide import Sources
from baton_contracts.definitions import Section, Template
from baton_contracts.handoffs import HANDOFF_TYPES, Json
from baton_runtime.definitions import Value, render

_FORMS: Final = {
    "software_specification": ("docs/specification.md", "specification-tmpl"),
    "implementation_plan": ("docs/plan.md", "plan-tmpl"),
    "test_report": ("docs/test-report.md", "test-report-tmpl"),
}
DIAGRAM_PATH: Final = "docs/architecture.mmd"


def documents_of(sources: Sources, templates: Mapping[str, Template]) -> dict[str, str]:
    """Return the text of each document by its path in the bundle."""
    documents = {
        path: _rendered(sources.created.name, kind, artifact.content, templates.get(template_id))
        for kind, (path, template_id) in _FORMS.items()
        if (artifact := sources.outputs.get(kind))
    }
    plan = sources.outputs.get("implementation_plan")
    if plan and (diagram := plan.content.get("diagram")):
        documents[DIAGRAM_PATH] = f"{_value('diagram', diagram)}\n"
    return documents


def _rendered(project_name: str, kind: str, content: Json, template: Template | None) -> str:
    values = {name: _value(name, value) for name, value in content.items()}
    return render(template or _plain(kind), {"diagram": ""} | values | {"project_name": project_name})


def _value(name: str, value: Any) -> Value:  # noqa: ANN401 - whatever JSON holds
    match value:
        case str() | bool() | int() | float():
            return value
        case list() if name == "command":
            return shlex.join(map(str, value))
        case list():
            return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
        case _:
            return json.dumps(value, ensure_ascii=False)


def _plain(kind: str) -> Template:
    sections = tuple(
        Section(id=name, title=name.replace("_", " ").capitalize(), type="code", template=f"{{{{{name}}}}}")
        for name in HANDOFF_TYPES[kind].model_fields
    )
    title = kind.replace("_", " ").capitalize()
    return Template(
        id="plain", name=title, version="1", title=f"{{{{project_name}}}}: {title}", filename="", sections=sections
    )
