"""The embedded model itself: takes a question, finds or derives the data model, and has the right document made.

The answer depends on the question alone. `ModelRefused` is raised for an output type that it does not make, and where
nothing in the question says what the program is about.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from baton_agent_runner.embedded import code, deployment, feedback, plan, specification
from baton_agent_runner.embedded.data_model import DataModel
from baton_agent_runner.embedded.extraction import extract
from baton_agent_runner.embedded.identifiers import readable
from baton_agent_runner.embedded.wording import GENERATED_BY, MODEL, PROVIDER, remarks
from baton_agent_runner.model import Answer, ModelRefused, Question, Say
from baton_contracts.handoffs import CodePackage, HandoffContent, Json

_NEWEST_FIRST: Final = ("code_package", "implementation_plan", "software_specification")
_MADE: Final = ("software_specification", "implementation_plan", "code_package", "deployment_package")


class EmbeddedModel:
    """A deterministic model of rules: no network, no clock, no randomness."""

    provider: Final = PROVIDER
    name: Final = MODEL

    async def answer(self, question: Question, _: Say | None = None, /) -> Answer:
        """Return the document for the question's output type; raises `ModelRefused`.

        Tokens are counted honestly as words: of the handoff, artifacts, feedback and prompt that came in, and of the
        content and message that go out.
        """
        if question.output_type not in _MADE:
            raise ModelRefused(
                f"The embedded model does not make {question.output_type!r}. It makes {', '.join(_MADE)}: choose one "
                "of these in the workflow, or configure another model for this step."
            )
        before = data_model(question)
        if question.output_type == "deployment_package":  # its files follow the code, which has been tested by now
            notes = tuple(readable(text, 300) for text in question.feedback)
            outcome = feedback.Outcome(before.having(notes=tuple(dict.fromkeys((*before.notes, *notes)))), ())
        else:
            outcome = feedback.apply(before, question.feedback)
        content, extras, message = _document(question, outcome.model)
        new_notes = [note for note in outcome.model.notes if note not in before.notes]
        message = f"{message} {remarks(outcome.done, new_notes)}".strip()
        extras |= {"data_model": outcome.model.model_dump(mode="json"), "generated_by": GENERATED_BY}
        return Answer(
            content=content,
            extras=extras,
            message=message,
            provider=PROVIDER,
            model=MODEL,
            input_tokens=_words(
                question.handoff.content, dict(question.artifacts), *question.feedback, question.prompt
            ),
            output_tokens=_words(content.model_dump(mode="json"), message),
        )


def _document(question: Question, model: DataModel) -> tuple[HandoffContent, Json, str]:
    match question.output_type:
        case "software_specification":
            return specification.specify(model), {}, specification.summarise(model)
        case "implementation_plan":
            made = plan.plan(model, question.handoff.project_id)
            return made, {"diagram": plan.diagram(model)}, plan.summarise(model)
        case "code_package":
            package: CodePackage = code.write_code(model)
            return package, {}, code.summarise(model, package)
        case _:
            made_files = deployment.deploy(model, _tests_said(question))
            names = ", ".join(file.path for file in made_files.files)
            return made_files, {}, f"I added {names}. The program starts with `python app.py` or `docker compose up`."


def _tests_said(question: Question) -> str:
    """Return what the test report says, as a sentence for the README, where there is one."""
    given = question.handoff.content if question.handoff.handoff_type == "test_report" else {}
    report = given or question.artifacts.get("test_report", {})
    if not isinstance(ran := report.get("tests_run"), int):
        return ""
    return f"{ran} tests ran when this was generated, and {'all passed' if report.get('passed') else 'not all passed'}."


def data_model(question: Question) -> DataModel:
    """Return the data model that a question stands on: the newest that is kept, else one derived from its texts."""
    if question.output_type == "software_specification":
        return extract(_idea(question))
    for artifact in (question.artifacts.get(kind, {}) for kind in _NEWEST_FIRST):
        try:
            return DataModel.model_validate(artifact.get("data_model"))
        except ValidationError:
            continue  # none, or a person's text that does not fit: what the texts say counts then
    texts = [question.artifacts[kind] for kind in reversed(_NEWEST_FIRST) if kind in question.artifacts]
    for content in (question.handoff.content, *texts):
        if _has_words(text := _texts(content)):
            return extract(text)
    raise ModelRefused(
        "Nothing in the handoff or its artifacts says what the program is about. Let the step require the software "
        "specification or the implementation plan."
    )


def _idea(question: Question) -> str:
    idea = question.handoff.content.get("product_idea") or _texts(question.handoff.content)
    if isinstance(idea, str) and _has_words(idea):
        return idea
    if isinstance(idea, str) and idea.strip():
        raise ModelRefused(
            "The idea has no words, so there is nothing to build a program from. Start the project with a sentence "
            'about what to keep, such as "A zoo with animals and keepers".'
        )
    raise ModelRefused("The handoff holds no product idea. Start the project with a sentence about what to build.")


def _has_words(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _texts(content: Mapping[str, object]) -> str:
    """Return what a specification, a plan or a product idea says about its subject, as text."""
    for key in ("core_idea", "product_idea"):
        if isinstance(idea := content.get(key), str) and idea.strip():
            features = content.get("high_level_features")
            listed = [text for text in features if isinstance(text, str)] if isinstance(features, list) else []
            return "\n".join([idea, *listed])
    tables = re.findall(
        r"CREATE TABLE(?: IF NOT EXISTS)?\s+[\"`\[]?(\w+)", str(content.get("database_schema")), re.IGNORECASE
    )
    return f"Track {', '.join(table.replace('_', ' ') for table in tables)}." if tables else ""


def _words(*values: object) -> int:
    texts = (value if isinstance(value, str) else json.dumps(value, default=str) for value in values)
    return sum(len(text.split()) for text in texts)
