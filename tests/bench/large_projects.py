"""Projects as large as the goal for reading one names: 50 tasks and 10 artifacts, about 36 KB of JSON."""

from collections.abc import Iterator
from typing import Final

import asyncpg

from baton_contracts import events as e
from baton_contracts.handoffs import HandoffSchema
from bench.filling import FILLING
from bench.story import TEMPLATE_BLOCK, block_of, named, text

TASKS: Final = 50
ARTIFACTS: Final = 10
A_GROUP: Final = 100
_INSTRUCTIONS: Final = 90
_CONTENT: Final = 1200


def payloads(block: str) -> Iterator[e.Payload]:
    """Give the events of one: its tasks are under way, and the first of them have made their artifacts."""
    execution = named(block, 1)
    yield e.ProjectCreated(name="A bench", product_idea=text(80, 1), tenant="default")
    yield e.WorkflowStarted(
        execution_id=execution, workflow_id="idea-to-software", definition_hash="0" * 64, total_steps=TASKS
    )
    for number in range(TASKS):
        yield from _task(block, number)


def _task(block: str, number: int) -> Iterator[e.Payload]:
    about = {"task_id": named(block, 10 + number), "agent_type": "coder"}
    handoff = HandoffSchema(
        project_id=named(block, 0),
        source_agent="architect",
        target_agent="coder",
        handoff_type="implementation_plan",
        content={},
    )
    yield e.TaskCreated(
        **about, execution_id=named(block, 1), step_id=f"part-{number}", instructions=text(_INSTRUCTIONS, number),
        output_type="code_package", handoff=handoff,
    )  # fmt: skip
    if number < ARTIFACTS:
        yield e.TaskStart(**about, attempt=1, runner_id=named(block, 2), message="At work")
        artifact = e.Artifact(
            artifact_id=named(block, 100 + number), artifact_type="code", handoff_type="code_package",
            content={"text": text(_CONTENT, number)},
        )  # fmt: skip
        yield e.TaskComplete(**about, attempt=1, message="Done", awaits_review=False, artifact=artifact)


async def fill(connection: asyncpg.Connection, groups: int) -> list[str]:
    """Fill an empty log with so many hundreds of them; return their ids. The tables show nothing of them yet."""
    await connection.execute(FILLING["template"])
    events = enumerate(payloads(TEMPLATE_BLOCK), start=1)
    steps = [(step, event.event_type, "system", event.model_dump_json()) for step, event in events]
    await connection.executemany(FILLING["step"], steps)
    await connection.execute(FILLING["fill"], 0, groups, TEMPLATE_BLOCK, timeout=600)
    await connection.execute(FILLING["close"])
    return [str(named(block_of(f"filled:{number}"), 0)) for number in range(groups * A_GROUP)]
