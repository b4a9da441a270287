"""An event as one line that a person understands. Pure."""

from functools import singledispatch
from typing import Final

from baton_contracts import events as e

_ACTOR: Final = 14


def line_of(event: e.Event) -> str:
    """Return position, time (UTC), actor, event and summary, in columns; nothing in it controls a terminal."""
    columns = f"{event.position:>8}  {event.timestamp:%Y-%m-%d %H:%M:%S}  {_short(event.actor):<{_ACTOR}}"
    return _one_line(f"{columns}  {event.type:<19}  {summary(event.payload)}")


def _short(actor: str) -> str:
    """Keep the end of a runner's id, which is the part that differs; a person's or a key's name stands in full."""
    return f"{actor[:7]}…{actor[-6:]}" if actor.startswith("runner:") and len(actor) > _ACTOR else actor


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).rstrip()


@singledispatch
def summary(_payload: e.Payload) -> str:
    """Return what a payload says, in one line."""
    return "(written by a newer Baton)"


@summary.register
def _(payload: e.ProjectCreated) -> str:
    return f'"{payload.name}": {payload.product_idea}'


@summary.register
def _(payload: e.WorkflowStarted) -> str:
    return f"workflow {payload.workflow_id}, {payload.total_steps} steps"


@summary.register
def _(payload: e.TaskCreated) -> str:
    again = f", after feedback: {payload.feedback[-1]}" if payload.feedback else ""
    return f"{payload.handoff.source_agent} hands {payload.handoff.handoff_type} to {payload.agent_type}{again}"


@summary.register
def _(payload: e.TaskDispatched) -> str:
    return f"{payload.agent_type} is asked again (attempt {payload.attempt}): {payload.reason}"


@summary.register
def _(payload: e.TaskStart) -> str:
    return f"{payload.agent_type}: {payload.message}"


@summary.register
def _(payload: e.TaskProgress) -> str:
    return f"{payload.agent_type} is at {payload.progress} %: {payload.stage.replace('_', ' ')}"


@summary.register
def _(payload: e.AgentMessage) -> str:
    return f"{payload.agent_type}: {payload.message}"


@summary.register
def _(payload: e.LlmCall) -> str:
    tokens = f"{payload.input_tokens} tokens in, {payload.output_tokens} out"
    return f"{payload.agent_type} asked {payload.provider}/{payload.model}: {tokens}, {payload.latency_ms:.0f} ms"


@summary.register
def _(payload: e.TaskComplete) -> str:
    waits = ", waits for a person" if payload.awaits_review else ""
    return f"{payload.agent_type} made {payload.artifact.handoff_type}{waits}: {payload.message}"


@summary.register
def _(payload: e.TaskFailed) -> str:
    return f"{payload.agent_type} failed: {payload.reason}"


@summary.register
def _(payload: e.HitlRequest) -> str:
    return f"a person is asked about the work of {payload.agent_type}: {payload.question}"


@summary.register
def _(payload: e.HitlResponse) -> str:
    return f"{payload.action}: {payload.response}" if payload.response else payload.action


@summary.register
def _(payload: e.ProjectCompleted) -> str:
    return payload.message


@summary.register
def _(payload: e.ProjectFailed) -> str:
    return payload.reason


@summary.register
def _(_: e.ProjectPaused) -> str:
    return "nothing new begins until the project is resumed"


@summary.register
def _(_: e.ProjectResumed) -> str:
    return "the project goes on"


@summary.register
def _(payload: e.ProjectReopened) -> str:
    return payload.reason


@summary.register
def _(payload: e.ArtifactsCleaned) -> str:
    return f"{len(payload.sha256s)} bundles removed, {payload.freed_bytes:,} bytes"


@summary.register
def _(payload: e.OldArtifactsCleaned) -> str:
    hours = f"{payload.max_age_hours:g} hours"
    return f"{payload.cleaned_files} bundles older than {hours} removed, {payload.freed_bytes:,} bytes"


@summary.register
def _(payload: e.AgentReset) -> str:
    return f"{payload.agent_type} set to idle, {len(payload.tasks)} tasks dispatched again"


@summary.register
def _(payload: e.ArtifactsGenerated) -> str:
    return f"a bundle of {len(payload.files)} files, {payload.size:,} bytes, sha256 {payload.sha256[:12]}"


@summary.register
def _(payload: e.DefinitionRegistered) -> str:
    return f"{payload.kind} {payload.definition.get('id', '')} as {payload.hash[:12]}"
