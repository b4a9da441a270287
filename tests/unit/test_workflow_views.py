"""What follows from definitions: a workflow's handoffs and rules, how a team fits it, and which bodies are taken."""

from typing import Any

import pytest
from pydantic import ValidationError

from baton_contracts.definitions import Agent, Deadline, Definitions, Step, Team, Workflow
from baton_contracts.rest_workflows import MAX_JSON, NewExecution, RenderRequest
from baton_gateway.team_fit import agents_of, covered_by, fit_of, made_by
from baton_gateway.workflow_rules import handoffs_of, phases_of, rules_of

PROJECT = "6f9619ff-8b86-4d11-b42d-00cf4fc964ff"
DEADLINE = Deadline(seconds=90, on_expire="approved")
WORKFLOW = Workflow(
    id="w",
    name="W",
    steps=(
        Step(
            id="ana", agent="ana", creates="spec", handoff_type="software_specification", gate=True, deadline=DEADLINE
        ),
        Step(id="arc", agent="arc", creates="plan", requires=("spec", "code"), handoff_type="implementation_plan"),
        Step(id="tes", agent="tes", creates="report", handoff_type="test_report", action="run_tests"),
    ),
)


def agent(name: str, output: str = "") -> Agent:
    return Agent(id=name, name=name, title=name, prompt="p", output=output)


AGENTS = {
    one.id: one
    for one in (agent("ana", "software_specification"), agent("arc", "implementation_plan"), agent("tes"), agent("odd"))
}


def defined(*teams: Team, agents: dict[str, Agent] = AGENTS) -> Definitions:
    return Definitions(workflows={"w": WORKFLOW}, agents=agents, teams={team.id: team for team in teams})


def team(name: str, *agents: str, workflows: tuple[str, ...] = ()) -> Team:
    return Team(id=name, name=name, agents=agents, workflows=workflows)


def test_the_first_handoff_is_the_idea_and_each_step_hands_on_what_it_makes() -> None:
    assert [tuple(handoff.model_dump().values()) for handoff in handoffs_of(WORKFLOW)] == [
        ("user", "ana", "product_idea", None, "ana"),
        ("ana", "arc", "software_specification", "ana", "arc"),
        ("arc", "tes", "implementation_plan", "arc", "tes"),
    ]


def test_phases_are_the_steps_named_by_their_action_where_they_have_one() -> None:
    assert [(phase.id, phase.name, phase.gate) for phase in phases_of(WORKFLOW)] == [
        ("ana", "ana", True),
        ("arc", "arc", False),
        ("tes", "run_tests", False),
    ]


def test_every_step_has_the_rules_that_it_is_held_to() -> None:
    assert [(rule.step, rule.rule) for rule in rules_of(WORKFLOW)] == [
        ("ana", "agent"), ("ana", "output"), ("ana", "gate"),
        ("arc", "agent"), ("arc", "requires"), ("arc", "requires"), ("arc", "output"),
        ("tes", "agent"), ("tes", "output"), ("tes", "tests_pass"),
    ]  # fmt: skip


def test_a_required_artifact_names_its_maker_and_one_that_nobody_makes_has_none() -> None:
    required = {rule.artifact: rule.made_by for rule in rules_of(WORKFLOW) if rule.rule == "requires"}
    assert required == {"spec": "ana", "code": None}


def test_a_gate_tells_its_deadline_and_what_stands_when_nobody_answers() -> None:
    (gate,) = (rule for rule in rules_of(WORKFLOW) if rule.rule == "gate")
    assert gate.deadline == DEADLINE
    assert "approved when nobody has answered within 90 s" in gate.detail


def test_a_star_stands_for_every_agent_that_is_defined() -> None:
    star = team("star", "*")
    assert agents_of(star, defined(star)) == ["ana", "arc", "tes", "odd"]
    assert covered_by(star, defined(star)) == ["w"]
    assert made_by(star, defined(star)) == ["software_specification", "implementation_plan"]


def test_a_team_with_every_agent_fits_without_a_word() -> None:
    whole = team("whole", "ana", "arc", "tes", workflows=("w",))
    assert fit_of(whole, WORKFLOW, defined(whole)).model_dump() == {
        "compatible": True,
        "warnings": [],
        "recommendations": [],
    }


def test_a_team_without_an_agent_is_told_which_and_which_team_to_take_instead() -> None:
    small, whole, foreign = team("small", "ana", "arc"), team("whole", "*"), team("foreign", "*", workflows=("x",))
    fit = fit_of(small, WORKFLOW, defined(small, whole, foreign))
    assert not fit.compatible
    assert fit.warnings == ["The workflow w needs the agent tes, which the team small does not have."]
    assert fit.recommendations == [
        "Take the team whole: it has every agent that w needs, and is for it.",
        "Add the agent tes to the team small.",
    ]
    assert covered_by(small, defined(small)) == []


def test_a_team_that_is_for_other_workflows_is_compatible_and_warned_of() -> None:
    foreign = team("foreign", "*", workflows=("x", "y"))
    fit = fit_of(foreign, WORKFLOW, defined(foreign))
    assert fit.compatible
    assert fit.warnings == ["The workflow w is not among those that the team foreign is for: x, y."]
    assert fit.recommendations == ["Add the workflow w to the team foreign."]


@pytest.mark.parametrize("named", ["*", "tes"])
def test_an_agent_that_is_not_defined_makes_no_team_compatible(named: str) -> None:
    some = team("some", "ana", "arc", named)
    without = {name: one for name, one in AGENTS.items() if name != "tes"}
    fit = fit_of(some, WORKFLOW, defined(some, agents=without))
    assert not fit.compatible
    assert fit.warnings == ["The workflow w needs the agent tes, which is not defined."]
    assert "Define the agent tes." in fit.recommendations


@pytest.mark.parametrize("value", ["", "x", 0, -1.5, 10**50, True, [], ["a", ""]])
def test_a_text_a_number_a_boolean_and_a_list_of_texts_are_values(value: object) -> None:
    body = RenderRequest.model_validate({"variables": {"v": value}})
    assert body.variables["v"] == value
    assert type(body.variables["v"]) is type(value)
    assert body.model_dump(mode="json") == {"variables": {"v": value}, "output_format": "markdown"}


@pytest.mark.parametrize("value", [None, {}, {"a": "b"}, [1], [["a"]], ["a", None], [{}]])
def test_any_other_value_is_refused_at_its_name(value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        RenderRequest.model_validate({"variables": {"good": "x", "v": value}})
    assert [error["loc"] for error in refused.value.errors()] == [("variables", "v")]


@pytest.mark.parametrize("field", ["context", "parameters"])
@pytest.mark.parametrize(
    "value",
    [
        {f"k{n}": n for n in range(101)},
        {"": 1},
        {"k" * 101: 1},
        {"k": "x" * MAX_JSON},
        {"k": "\N{EURO SIGN}" * (MAX_JSON // 3)},
        [],
        None,
    ],
)
def test_context_and_parameters_are_bounded(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        NewExecution.model_validate({"project_id": PROJECT, field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


@pytest.mark.parametrize(
    "given", [{}, {"context": {f"k{n}": {"deep": [n]} for n in range(100)}, "parameters": {"k" * 100: "x" * 60_000}}]
)
def test_what_is_within_the_bounds_is_taken_as_it_is(given: dict[str, Any]) -> None:
    body = NewExecution.model_validate({"project_id": PROJECT, **given})
    assert {"context": body.context, "parameters": body.parameters} == {"context": {}, "parameters": {}} | given
