"""What resetting an agent comes to."""

from uuid import UUID

import pytest

from baton_contracts.commands import Refused
from baton_contracts.events import AgentReset
from baton_contracts.ids import SYSTEM_STREAM
from baton_contracts.project import Project
from baton_orchestrator.agents import RecordReset
from baton_orchestrator.decide import decide
from baton_orchestrator.results import result_of
from support.stories import OneWorkflow, origin

TASKS = (UUID(int=1), UUID(int=2))


def record(agent: str) -> RecordReset:
    return RecordReset(project_id=SYSTEM_STREAM, agent_type=agent, tasks=TASKS, tenant="acme")


def test_a_reset_names_the_agent_its_tenant_and_what_it_held() -> None:
    decided = decide(Project(), record("analyst"), origin("reset"), OneWorkflow())
    assert decided == (AgentReset(agent_type="analyst", tasks=TASKS, tenant="acme"),)
    assert result_of(record("analyst"), Project()) == {
        "message": "Agent analyst status reset to idle",
        "status": "idle",
    }


def test_an_agent_that_nobody_defined_is_not_reset() -> None:
    with pytest.raises(Refused, match="There is no agent poet") as refused:
        decide(Project(), record("poet"), origin("reset"), OneWorkflow())
    assert refused.value.status == 404
