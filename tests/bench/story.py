"""The events of one project from its idea to its ZIP, in the order and number of a real run of the demo.

All ids of a story share their first 48 bits, its block, so that SQL can tell the same story of another project by
replacing the block. `FULL` holds the sizes that a run with the embedded model wrote (characters of what each step
made; nine kilobytes an event in the mean, nearly all of it code); `LEAN` keeps the events and cuts the texts.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from baton_contracts import events as e
from baton_contracts.handoffs import ARTIFACT_TYPES, HandoffSchema

Sizes = Mapping[str, int]
STEPS: Final = (
    ("analyst", "software_specification", True),
    ("architect", "implementation_plan", True),
    ("coder", "code_package", False),
    ("tester", "test_report", False),
    ("deployer", "deployment_package", False),
)
FULL: Final[Sizes] = {
    "product_idea": 80,
    "software_specification": 5_200,
    "implementation_plan": 6_900,
    "code_package": 56_500,
    "test_report": 250,
    "deployment_package": 7_700,
}
LEAN: Final[Sizes] = dict.fromkeys(FULL, 250)
TEMPLATE_BLOCK: Final = "eeeeeeeeeeee"
_RUNNER: Final = UUID(int=2)
_WORDS: Final = ("plant", "water", "day", "list", "share", "rate", "return", "self", "value", "table", "select", "from")


def block_of(seed: str) -> str:
    """Return the block of a story: 12 hexadecimal digits."""
    return hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest()[:12]


def named(block: str, number: int) -> UUID:
    """Return the id with a number in a story; 0 is the project."""
    return UUID(f"{block[:8]}-{block[8:]}-4000-8000-{number:012x}")


def text(length: int, seed: int) -> str:
    """Return words that compress about as well as a program does."""
    chance = random.Random(seed)  # noqa: S311 - a text, not a secret
    words = (f"{chance.choice(_WORDS)}_{chance.randrange(100)}" for _ in range(length // 6 + 1))
    return " ".join(words)[:length]


def texts(sizes: Sizes) -> dict[str, str]:
    """Return what each step of a story makes."""
    return {kind: text(size, seed) for seed, (kind, size) in enumerate(sizes.items())}


def story(block: str, made: Mapping[str, str], *, first: int = 0) -> Iterator[e.Payload]:
    """Give the payloads of a project's story; `first` sets apart the ids of a further run in the same project."""
    execution = named(block, first + 1)
    yield e.ProjectCreated(name="A bench", product_idea=made["product_idea"], tenant="default")
    yield e.WorkflowStarted(
        execution_id=execution, workflow_id="idea-to-software", definition_hash="0" * 64, total_steps=len(STEPS)
    )
    given, source = "product_idea", "user"
    for number, (agent, kind, gate) in enumerate(STEPS):
        ids = tuple(named(block, first + 10 + 10 * number + n) for n in range(3))
        handoff = _handoff(block, source, agent, given, made)
        yield from _step(ids, execution, handoff, kind, made[kind], gate=gate)
        given, source = kind, agent
    yield e.ProjectCompleted(execution_id=execution, message="Every step is done")
    files = tuple(e.BundledFile(name=f"code/{n}.py", type="code", size=900, sha256="0" * 64) for n in range(3))
    yield e.ArtifactsGenerated(sha256="0" * 64, size=4096, of_version=26, files=files)


def _handoff(block: str, source: str, target: str, kind: str, made: Mapping[str, str]) -> HandoffSchema:
    return HandoffSchema(
        project_id=named(block, 0),
        source_agent=source,
        target_agent=target,
        handoff_type=kind,
        content={"text": made[kind]},
    )


def _step(
    ids: tuple[UUID, ...], execution: UUID, handoff: HandoffSchema, kind: str, made: str, *, gate: bool
) -> Iterator[e.Payload]:
    """Give what happens on one task: handoff, start, answer, end, and a person's word where there is a gate."""
    task, artifact, request = ids
    agent = handoff.target_agent
    about = {"task_id": task, "agent_type": agent}
    yield e.TaskCreated(
        **about, execution_id=execution, step_id=agent, instructions=f"Make the {kind}", output_type=kind,
        gate=gate, handoff=handoff,
    )  # fmt: skip
    yield e.TaskStart(**about, attempt=1, runner_id=_RUNNER, message=f"Working on the {kind}")
    if kind == "test_report":
        yield e.TaskProgress(**about, progress=50, stage="Running the tests")
    else:
        yield _call(task, agent, made)
    yield e.TaskComplete(
        **about, attempt=1, message=f"The {kind} is there", awaits_review=gate,
        artifact=e.Artifact(
            artifact_id=artifact, artifact_type=ARTIFACT_TYPES[kind], handoff_type=kind, content={"text": made}
        ),
    )  # fmt: skip
    if gate:
        yield e.HitlRequest(
            **about, request_id=request, question=f"Is the {kind} what you want? Approve, amend, reject"
        )
        yield e.HitlResponse(**about, request_id=request, action="approved", response="")


def _call(task: UUID, agent: str, made: str) -> e.LlmCall:
    return e.LlmCall(
        task_id=task, agent_type=agent, attempt=1, provider="embedded", model="embedded-1", input_tokens=900,
        output_tokens=700, latency_ms=2.5, request_hash="0" * 64, answer={"text": made},
    )  # fmt: skip
