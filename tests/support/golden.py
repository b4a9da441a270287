"""One file of every shape ever written, and what today's classes read from it.

    PYTHONPATH=tests .venv/bin/python -m support.golden

adds what is missing: a golden file for each new event type or version, today's schemas, today's readings. A golden
file, once written, is never written again. A shape that changed other than by an optional field is refused; to change
it, raise the class's `schema_version`, write the step from the version before in `baton_contracts.upcasters`, adapt
the sample here, and run this. Keep every golden file: its events are in somebody's log.
"""

import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from uuid import UUID

from pydantic_core import to_jsonable_python

from baton_contracts import events as e
from baton_contracts.handoffs import HandoffSchema, Json
from baton_contracts.project import Project, evolve
from support.shapes import breaches

GOLDEN = Path(__file__).parents[1] / "golden"
COMMAND = "PYTHONPATH=tests .venv/bin/python -m support.golden"
PROJECT, EXECUTION, SPECIFYING, PLANNING, REQUEST, RUNNER, ARTIFACT = (
    UUID(f"0190000{n}-0000-7000-8000-00000000000{n}") for n in range(7)
)
SPECIFICATION = {
    "requirements": ["Plants have a watering day"],
    "user_stories": ["As a gardener I see what is thirsty"],
    "high_level_features": ["A list of plants"],
    "core_idea": "Never forget a plant — nor drown one",
}


def _handoff(source: str, target: str, kind: str, content: Json) -> HandoffSchema:
    return HandoffSchema(
        project_id=PROJECT, source_agent=source, target_agent=target, handoff_type=kind, content=content
    )


IDEA = _handoff("user", "analyst", "product_idea", {"product_idea": "Track plants"})
MADE = e.Artifact(
    artifact_id=ARTIFACT,
    artifact_type="spec",
    handoff_type="software_specification",
    content=SPECIFICATION | {"data_model": {"entities": ["Plant"]}, "weight": 1.5},
)


def story() -> tuple[e.Payload, ...]:
    """Return a project's life: a runner lost, a review, completion, a bundle."""
    specifying = {"task_id": SPECIFYING, "agent_type": "analyst"}
    planning = {"task_id": PLANNING, "agent_type": "architect", "attempt": 1}
    plan = MADE.model_copy(update={"artifact_id": RUNNER, "artifact_type": "plan", "content": {"steps": [1, 2]}})
    file = e.BundledFile(name="README.md", type="documentation", size=3, sha256="ab" * 32)
    return (
        e.ProjectCreated(name="Plants", product_idea="Track plants", tenant="default", team_id="small"),
        e.WorkflowStarted(execution_id=EXECUTION, workflow_id="two-steps", definition_hash="cd" * 32, total_steps=2),
        e.TaskCreated(
            **specifying,
            execution_id=EXECUTION,
            step_id="specify",
            instructions="Write it down",
            output_type="software_specification",
            requires=("product_idea",),
            gate=True,
            attempt=1,
            feedback=("Shorter",),
            handoff=IDEA,
        ),
        e.TaskStart(**specifying, attempt=1, runner_id=RUNNER, message="At work"),
        e.TaskDispatched(
            **specifying, attempt=2, gate=True, feedback=("Shorter",), reason="its runner is gone", handoff=IDEA
        ),
        e.TaskStart(**specifying, attempt=2, runner_id=ARTIFACT, message="At work"),
        e.TaskProgress(**specifying, progress=30, stage="asking_the_model"),
        e.AgentMessage(**specifying, message="Two plants found"),
        e.LlmCall(
            **specifying,
            attempt=2,
            provider="embedded",
            model="rules",
            input_tokens=12,
            output_tokens=34,
            latency_ms=5.678,
            request_hash="ef" * 32,
            answer=MADE.content,
        ),
        e.TaskComplete(**specifying, attempt=2, message="Done", awaits_review=True, artifact=MADE),
        e.HitlRequest(**specifying, request_id=REQUEST, question="Is it good?"),
        e.HitlResponse(**specifying, request_id=REQUEST, action="approved", response="Yes"),
        e.TaskCreated(
            task_id=PLANNING,
            execution_id=EXECUTION,
            step_id="plan",
            agent_type="architect",
            instructions="Plan it",
            output_type="implementation_plan",
            handoff=_handoff("analyst", "architect", "software_specification", SPECIFICATION),
        ),
        e.TaskStart(**planning, runner_id=RUNNER, message="At work"),
        e.TaskComplete(**planning, message="Done", awaits_review=False, artifact=plan),
        e.ProjectCompleted(execution_id=EXECUTION, message="All 2 steps are done"),
        e.ArtifactsGenerated(sha256="01" * 32, size=1234, of_version=16, files=(file,)),
    )


def samples() -> dict[str, e.Payload]:
    """Return one payload of every event type, with every field set."""
    apart = (
        e.TaskFailed(task_id=PLANNING, agent_type="tester", attempt=1, reason="1 of 2 tests failed", artifact=MADE),
        e.ProjectFailed(reason="The tester failed: 1 of 2 tests failed"),
        e.DefinitionRegistered(kind="workflow", hash="cd" * 32, definition={"id": "two-steps", "steps": []}),
        e.ProjectPaused(),
        e.ProjectResumed(),
        e.ProjectReopened(reason="The task plan is tried again"),
        e.ArtifactsCleaned(sha256s=("01" * 32,), freed_bytes=1234),
        e.OldArtifactsCleaned(max_age_hours=24.5, cleaned_files=15, freed_bytes=134_217_728),
        e.AgentReset(agent_type="analyst", tasks=(SPECIFYING,), tenant="default"),
    )
    return {payload.event_type: payload for payload in (*reversed(story()), *apart)}


def golden_files() -> Iterator[tuple[Path, str, int]]:
    """Yield every golden file with its event type and version."""
    for path in sorted(GOLDEN.glob("*.v*.json")):
        event_type, _, version = path.stem.rpartition(".v")
        yield path, event_type, int(version)


def reading(path: Path, event_type: str, version: int) -> str:
    """Return what today's class reads from a golden file, as JSON."""
    return pretty(e.parse_payload(event_type, json.loads(path.read_text()), version).model_dump(mode="json"))


def schemas() -> Json:
    """Return today's shapes: each event type's version and JSON schema."""
    return {
        name: {"version": payload.schema_version, "schema": payload.model_json_schema()}
        for name, payload in sorted(e.PAYLOADS.items())
    }


def undeclared(before: Json, now: Json) -> list[str]:
    """Return what changed in a shape whose version did not, or whose version fell."""
    found = []
    for name, old in before.items():
        if name not in now:
            found.append(f"{name} is gone, and events of it may be in somebody's log")
        elif now[name]["version"] < old["version"]:
            found.append(f"{name} fell from version {old['version']} to {now[name]['version']}")
        elif now[name]["version"] == old["version"]:
            found += [f"{name}: {breach}" for breach in breaches(old["schema"], now[name]["schema"])]
    return found


def logged() -> list[Json]:
    """Return the story as lines of a log."""
    return [
        {
            "position": n,
            "version": n,
            "event_type": payload.event_type,
            "schema_version": payload.schema_version,
            "payload": payload.model_dump(mode="json"),
        }
        for n, payload in enumerate(story(), start=1)
    ]


def fold_of(lines: list[Json]) -> str:
    """Return the state after these lines, as JSON."""
    payloads = (e.parse_payload(line["event_type"], line["payload"], line["schema_version"]) for line in lines)
    return pretty(to_jsonable_python(reduce(evolve, payloads, Project())))


def logged_before() -> list[Json]:
    """Return the lines of the golden log."""
    return [json.loads(line) for line in (GOLDEN / "log.jsonl").read_text().splitlines()]


def pretty(content: object) -> str:
    """Return JSON for people to read."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def write() -> None:
    """Add what is missing and bring up to date what may change. Exits with 1 where a shape changed undeclared."""
    kept = GOLDEN / "schemas.json"
    if kept.exists() and (found := undeclared(json.loads(kept.read_text()), schemas())):
        raise SystemExit("\n".join([*found, "Each needs a new schema_version, an upcaster and a golden file."]))
    kept.write_text(pretty(schemas()))
    for name, payload in samples().items():
        _add(GOLDEN / f"{name}.v{payload.schema_version}.json", pretty(payload.model_dump(mode="json")))
    for path, event_type, version in golden_files():
        (GOLDEN / "read" / path.name).write_text(reading(path, event_type, version))
    _add(GOLDEN / "log.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in logged()))
    (GOLDEN / "log.fold.json").write_text(fold_of(logged_before()))


def _add(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text)


if __name__ == "__main__":
    write()
