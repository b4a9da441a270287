"""A person's decision, by given, when, then."""

from uuid import UUID, uuid4

import pytest

from baton_contracts import events as e
from baton_contracts.commands import CreateProject, Expire, Refused, Respond
from baton_contracts.project import Project
from baton_hitl.decide import expire, respond
from baton_orchestrator.decide import decide as orchestrate
from support.stories import PROJECT, OneWorkflow, completed, fold, only, origin, started

CREATE = CreateProject(
    project_id=PROJECT, name="N", product_idea="An idea", tenant="default", workflow_id="two-steps", team_id=None
)
CREATED = orchestrate(Project(), CREATE, origin("create"), OneWorkflow())
TASK = only(CREATED, e.TaskCreated)
ANALYSED = (*CREATED, started(TASK), completed(TASK))
ASKED = only(orchestrate(fold(*ANALYSED), ANALYSED[-1], origin("done"), OneWorkflow()), e.HitlRequest)
STORY = (*ANALYSED, ASKED)


def reply(action: e.Action = "approved", request_id: UUID = ASKED.request_id) -> Respond:
    return Respond(project_id=PROJECT, request_id=request_id, action=action, response="words")


@pytest.mark.parametrize("action", ["approved", "rejected", "amended"])
def test_the_first_response_is_written(action: e.Action) -> None:
    (response,) = respond(fold(*STORY), reply(action))
    assert (response.action, response.task_id, response.response) == (action, TASK.task_id, "words")


def test_the_second_response_is_refused_and_told_the_first() -> None:
    first = respond(fold(*STORY), reply("rejected"))
    with pytest.raises(Refused, match="rejected") as refused:
        respond(fold(*STORY, *first), reply("approved"))
    assert refused.value.status == 409
    assert refused.value.problem().refusal().extra == {"winner": {"action": "rejected", "response": "words"}}


def test_an_unknown_request_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        respond(fold(*STORY), reply(request_id=uuid4()))
    assert refused.value.status == 404


def test_a_project_that_is_over_takes_no_response() -> None:
    with pytest.raises(Refused, match="failed") as refused:
        respond(fold(*STORY, e.ProjectFailed(reason="cancelled")), reply())
    assert refused.value.status == 409


EXPIRE = Expire(project_id=PROJECT, request_id=ASKED.request_id)


def test_after_its_deadline_the_workflow_answers() -> None:
    (response,) = expire(fold(*STORY), EXPIRE)
    assert (response.action, response.task_id) == ("approved", TASK.task_id)
    assert "3600" in response.response


def test_a_person_who_was_faster_stands() -> None:
    assert expire(fold(*STORY, *respond(fold(*STORY), reply("rejected"))), EXPIRE) == ()


@pytest.mark.parametrize(
    "story",
    [
        (),
        (*STORY, e.ProjectFailed(reason="cancelled")),
        (*ANALYSED, ASKED.model_copy(update={"on_expire": None, "deadline_seconds": None})),
    ],
    ids=["absent", "project over", "no deadline"],
)
def test_what_cannot_expire_does_not(story: tuple[e.Payload, ...]) -> None:
    assert expire(fold(*story), EXPIRE) == ()
