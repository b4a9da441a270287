"""The work on one task: ask the model, or run the tests, and say what came of it.

Nothing here writes: the result goes back to the loop as one `EndTask`, which is refused if the task has gone to
another runner meanwhile. Whatever goes wrong becomes a failed task with a plain reason.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final
from uuid import UUID

import structlog

from baton_agent_runner.decide import EndTask
from baton_agent_runner.model import Answer, Model, ModelRefused, Question, Say
from baton_agent_runner.testing import run_tests
from baton_contracts import events as e
from baton_contracts.definitions import Definitions
from baton_contracts.handoffs import ARTIFACT_TYPES, CodePackage, Json
from baton_contracts.ids import derive_id
from baton_contracts.project import Project, Task

log = structlog.get_logger("baton.work")
Progress = Callable[[int, str], None]
_MINUTES: Final = 10.0
"""How long a model may take for one answer; tests of generated code have a deadline of their own."""


class _Overdue(Exception):
    """The model did not answer in time."""


def question_of(state: Project, task: Task, definitions: Definitions) -> Question:
    """Return what the agent is asked: its handoff and the artifacts that its step requires, nothing more."""
    made = state.outputs(task.created.execution_id)
    agent = definitions.agents.get(task.created.agent_type)
    return Question(
        agent=task.created.agent_type,
        output_type=task.created.output_type,
        handoff=task.handoff,
        artifacts={kind: made[kind].content for kind in task.created.requires if kind in made},
        feedback=task.feedback,
        prompt="\n\n".join(filter(None, [agent.prompt if agent else "", task.created.instructions])),
        previous=_previous(state, task),
    )


def _previous(state: Project, task: Task) -> Json | None:
    """Return what this step made before, if a person had something to say about it."""
    if not task.feedback:
        return None
    made = [one.artifact for one in state.tasks_of(task.created.execution_id, task.created.step_id) if one.artifact]
    return made[-1].content if made else None


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at one task by one runner."""

    state: Project
    task: Task
    definitions: Definitions
    runner_id: UUID
    model: Model
    progress: Progress
    say: Say

    async def run(self) -> EndTask:
        """Do it, and return how it ended."""
        try:
            question = question_of(self.state, self.task, self.definitions)
            return await (self._test(question) if question.output_type == "test_report" else self._ask(question))
        except ModelRefused as error:
            return self.failed(str(error))
        except Exception as error:
            log.exception("work_broke", task_id=str(self.task.created.task_id))
            return self.broken(error)

    async def _ask(self, question: Question) -> EndTask:
        """Ask the model; its answer is kept beside what it is used for, and so is that there was none."""
        started = perf_counter()
        try:
            answer = await self._answer(question)
        except ModelRefused:  # in plain words, so the model is well
            raise
        except Exception as error:
            call = self._call(question, None, {}, started)
            if isinstance(error, _Overdue):
                return self.failed(str(error), call=call)
            log.exception("model_broke", task_id=str(self.task.created.task_id))
            return self.broken(error, call)
        content = answer.extras | answer.content.model_dump(mode="json")
        return self._ended(self._complete(answer.message, content), self._call(question, answer, content, started))

    async def _answer(self, question: Question) -> Answer:
        """Wait for the model, not for ever. Raises `_Overdue` past the deadline, and what the model raises."""
        try:
            async with asyncio.timeout(_MINUTES * 60) as deadline:
                return await self.model.answer(question, self.say)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise _Overdue(f"The model did not answer within {_MINUTES:g} minutes") from error

    async def _test(self, question: Question) -> EndTask:
        """Run the tests of the code package that was handed over; the report is what the run gave."""
        package = CodePackage.model_validate(question.handoff.content)
        self.progress(30, "running_tests")
        report = await run_tests(package)
        content = report.model_dump(mode="json")
        if report.passed:
            return self._ended(self._complete(f"All {report.tests_run} tests pass", content))
        reason = f"{report.failures} of {report.tests_run} tests failed; the report has the output"
        return self.failed(reason, content)

    def _call(self, question: Question, answer: Answer | None, content: Json, started: float) -> e.LlmCall:
        asked = f"{question.prompt}\n{question.handoff.model_dump_json()}\n{question.feedback}"
        return e.LlmCall(
            task_id=self.task.created.task_id,
            agent_type=self.task.created.agent_type,
            attempt=self.task.attempt,
            provider=answer.provider if answer else self.model.provider,
            model=answer.model if answer else self.model.name,
            input_tokens=answer.input_tokens if answer else 0,
            output_tokens=answer.output_tokens if answer else 0,
            latency_ms=round((perf_counter() - started) * 1000, 3),
            request_hash=hashlib.sha256(asked.encode()).hexdigest(),
            answer=content,
            outcome="ok" if answer else "error",
        )

    def _complete(self, message: str, content: Json) -> e.TaskComplete:
        created = self.task.created
        return e.TaskComplete(
            task_id=created.task_id,
            agent_type=created.agent_type,
            attempt=self.task.attempt,
            message=message,
            awaits_review=self.task.gate,
            artifact=self._artifact(content),
        )

    def failed(self, reason: str, content: Json | None = None, call: e.LlmCall | None = None) -> EndTask:
        """Return the end of a task that could not be done; `content` shows why, such as a test report."""
        created = self.task.created
        failure = e.TaskFailed(
            task_id=created.task_id,
            agent_type=created.agent_type,
            attempt=self.task.attempt,
            reason=reason,
            artifact=self._artifact(content) if content else None,
        )
        return self._ended(failure, call)

    def broken(self, error: Exception, call: e.LlmCall | None = None) -> EndTask:
        """Return the end of a task whose work met a fault of ours, or of the model's."""
        return self.failed(f"The work broke off with {type(error).__name__}; the runner's log has more", call=call)

    def _artifact(self, content: Json) -> e.Artifact:
        kind = self.task.created.output_type
        return e.Artifact(
            artifact_id=derive_id(self.task.created.task_id, "artifact"),
            artifact_type=ARTIFACT_TYPES[kind],
            handoff_type=kind,
            content=content,
        )

    def _ended(self, end: e.TaskComplete | e.TaskFailed, call: e.LlmCall | None = None) -> EndTask:
        return EndTask(
            project_id=self.task.handoff.project_id,
            task_id=self.task.created.task_id,
            attempt=self.task.attempt,
            runner_id=self.runner_id,
            call=call,
            end=end,
        )
