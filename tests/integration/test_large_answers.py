"""A model that answers with several MiB works like any other, from its call to the next agent and to the user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from baton_agent_runner.model import Answer, ModelRefused, Question, Say
from baton_agent_runner.service import Runner
from baton_contracts.handoffs import Json, SoftwareSpecification
from baton_contracts.routes import agent_queue
from baton_runtime.definitions import load_definitions
from support.stage import CORE, Stage, stage
from support.waiting import eventually

MIB = 1 << 20
SPECIFICATION = SoftwareSpecification(
    requirements=[letter * (MIB // 2) for letter in "abcdef"],
    user_stories=['{"$blob": "no reference"}'],
    high_level_features=["features"],
    core_idea="An idea",
)
EXTRAS = {"$blob": "0" * 64, "$blobs": [{"sha256": "0" * 64, "path": ["answer"], "size": 1}]}


@dataclass
class Talkative:
    """Specifies at great length, and refuses whatever comes next."""

    asked: list[Question] = field(default_factory=list)
    provider: str = "test"
    name: str = "talkative"

    async def answer(self, question: Question, _: Say) -> Answer:
        self.asked.append(question)
        if question.output_type != "software_specification":
            raise ModelRefused("That was all")
        return Answer(SPECIFICATION, EXTRAS, "Specified", self.provider, self.name, input_tokens=1, output_tokens=2)


@contextlib.asynccontextmanager
async def runner(on: Stage, model: Talkative) -> AsyncIterator[None]:
    """Run one agent-runner with this model."""
    definitions = load_definitions(CORE).definitions
    async with asyncio.TaskGroup() as tasks:
        one = Runner(on.host, definitions, model, tasks)
        for agent in definitions.agents:
            await on.host.bus.consume(agent_queue(agent), one.take, prefetch=4)
        running = tasks.create_task(one.loop.run())
        yield
        running.cancel()


async def test_three_mib_go_from_a_model_to_the_next_agent_and_to_the_user(database: str, tmp_path: Path) -> None:
    """The call, the artifact and the handoff are whole for everybody, and the events stay small."""
    model = Talkative()
    async with stage(database, tmp_path) as on, runner(on, model):
        body = {"product_idea": "Track plants", "workflow_id": "prototype"}
        project = (await on.post("/api/v1/projects", body, status=201))["project_id"]

        async def failed() -> bool:
            return bool((await on.get(f"/api/v1/projects/{project}"))["status"] == "failed")

        await eventually(failed)
        expected: Json = SPECIFICATION.model_dump(mode="json")
        assert model.asked[1].handoff.content == expected
        artifacts = (await on.get(f"/api/v1/projects/{project}"))["artifacts"]
        assert [artifact["content"] for artifact in artifacts] == [expected | EXTRAS]
        assert await on.host.pool.fetchval("SELECT max(octet_length(payload::text)) FROM event_log") < MIB // 4
        kept = await on.host.pool.fetch("SELECT octet_length(content) FROM log_blobs")
        assert len(kept) == 2  # call and artifact are one; the handoff is without what is the agent's own
