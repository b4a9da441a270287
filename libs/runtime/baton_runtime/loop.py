"""The batch loop, written once: take everything waiting, load, decide each in order, append once, settle.

Invariants: a message is acknowledged only after what it led to is durable; a decision is written only on the
version that it saw (a conflict is loaded and decided again); a message that was settled before gets the same
answer again and changes nothing. A decision that raises anything but `Refused` is a fault of ours: its message
goes back to the bus, which gives up on it after the delivery limit, and its neighbours are not touched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final
from uuid import UUID

import asyncpg
import orjson
import structlog

from baton_contracts.commands import KEY_REUSED, CommandReply, Problem, Refused
from baton_contracts.events import Event, Payload
from baton_contracts.project import Project, evolve
from baton_eventlog.append import Append, DataRefused, NewEvent, Outcome
from baton_eventlog.appender import Appender
from baton_eventlog.blobs import BlobMissing
from baton_eventlog.database import UNAVAILABLE
from baton_runtime.bus import Delivery
from baton_runtime.messages import Inbound, MalformedMessage, inbound_of
from baton_runtime.states import States

log = structlog.get_logger("baton.loop")
_BATCH: Final = 256
_RETRY: Final = 0.2
_PAUSE: Final = 1.0
_DEADLINE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a decision says: events to write, and the result for whoever asked."""

    events: tuple[Payload, ...] = ()
    result: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """How a message ended: the answer, and what was written for it now (nothing for a repeat) on which state."""

    reply: CommandReply
    state: Project
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What one message leads to, before it is written; `after` is the state that this makes of the one it saw."""

    waiting: "Waiting"
    append: Append
    after: Project


Decide = Callable[[Project, Inbound], Decision]
Waiting = tuple[Inbound, "asyncio.Future[Settled] | None"]


async def _nothing(_: Iterable[Project]) -> None:
    """Prepare nothing."""


class Loop:
    """One service's messages, decided in batches on the state of their projects."""

    def __init__(
        self,
        consumer: str,
        pool: asyncpg.Pool,
        appender: Appender,
        decide: Decide,
        *,
        prepare: Callable[[Iterable[Project]], Awaitable[None]] = _nothing,
    ) -> None:
        """`prepare` loads what decisions on these states need beyond the states themselves."""
        self._consumer = consumer
        self._appender = appender
        self._decide = decide
        self._prepare = prepare
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue()
        self._states = States(pool)

    def take(self, delivery: Delivery) -> None:
        """Take a delivery off the bus: the sink of a consumer."""
        try:
            self.put(inbound_of(delivery))
        except MalformedMessage as error:
            log.warning("malformed_message", reason=str(error))
            delivery.reject(str(error))

    def put(self, inbound: Inbound) -> None:
        """Add a message that nobody waits for."""
        self._waiting.put_nowait((inbound, None))

    async def ask(self, inbound: Inbound) -> Settled:
        """Add a message and wait until it is settled. Raises what its decision raised, other than `Refused`."""
        future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((inbound, future))
        return await future

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            while batch:
                batch = await self._process(batch)

    async def _process(self, batch: Sequence[Waiting]) -> list[Waiting]:
        """Settle a batch; return what must be decided again."""
        try:
            async with asyncio.timeout(_DEADLINE):
                states = await self._states.load({inbound.project_id for inbound, _ in batch})
                await self._prepare(states.values())
        except UNAVAILABLE as error:
            log.warning("loop_waits_for_postgresql", consumer=self._consumer, error=type(error).__name__)
            await asyncio.sleep(_RETRY)
            return list(batch)
        except BlobMissing as error:
            return await self._process_apart(batch, error)
        drafts = [draft for waiting in batch if (draft := self._draft(waiting, states))]
        outcomes = await self._appender.append([draft.append for draft in drafts])
        return [
            draft.waiting for draft, outcome in zip(drafts, outcomes, strict=True) if not self._settle(draft, outcome)
        ]

    async def _process_apart(self, batch: Sequence[Waiting], error: BlobMissing) -> list[Waiting]:
        """Give back the messages of the project that cannot be read, and settle the others."""
        projects = {inbound.project_id for inbound, _ in batch}
        if len(projects) == 1:
            log.error("project_unreadable", consumer=self._consumer, project_id=str(*projects), reason=str(error))
            for waiting in batch:
                self._give_back(waiting, error)
            return []
        again: list[Waiting] = []
        for project_id in projects:
            again += await self._process([waiting for waiting in batch if waiting[0].project_id == project_id])
        return again

    def _draft(self, waiting: Waiting, states: dict[UUID, Project]) -> Draft | None:
        """Decide one message; later ones of the batch see the state that it leads to."""
        inbound, _ = waiting
        state = states[inbound.project_id]
        try:
            decision, problem = self._decide(seen_by(inbound, state), inbound), None
            events = [NewEvent.of(payload) for payload in decision.events]
        except Refused as error:
            decision, events = Decision(), []
            problem = error.problem()
        except DataRefused as error:
            decision, events = Decision(), []
            problem = _refused(error)
        except Exception as error:  # a fault of ours must not take the batch with it
            log.exception("decision_failed", consumer=self._consumer, message_type=_name(inbound))
            self._give_back(waiting, error)
            return None
        after = reduce(evolve, decision.events, state)
        states[inbound.project_id] = after
        append = Append(
            project_id=inbound.project_id,
            consumer=self._consumer,
            events=events,
            expected=state.version,
            actor=inbound.actor,
            message_id=inbound.id,
            causation_id=inbound.causation_id,
            correlation_id=inbound.correlation_id,
            request_hash=inbound.request_hash,
            reply=orjson.dumps({"result": decision.result, "problem": problem and problem.model_dump()}).decode(),
        )
        return Draft(waiting, append, after)

    def _settle(self, draft: Draft, outcome: Outcome | DataRefused) -> bool:
        """Answer and acknowledge; False where the message must be decided again."""
        waiting, append = draft.waiting, draft.append
        inbound, _ = waiting
        if isinstance(outcome, DataRefused):
            self._answer(waiting, CommandReply(problem=_refused(outcome)))
            return True
        if outcome.kind == "conflict":
            self._states.doubt(inbound.project_id)
            return False
        if outcome.kind == "duplicate":
            reused = outcome.request_hash != inbound.request_hash
            self._answer(waiting, CommandReply(problem=KEY_REUSED) if reused else _reply(outcome, outcome.reply))
            return True
        events = outcome.events(append)
        state = self._states.add(inbound.project_id, append.expected, draft.after, sum(event.size for event in events))
        self._answer(waiting, _reply(outcome, append.reply), state, events)
        return True

    def _answer(
        self, waiting: Waiting, reply: CommandReply, state: Project | None = None, events: Sequence[Event] = ()
    ) -> None:
        inbound, future = waiting
        if future and not future.done():
            future.set_result(Settled(reply, state or Project(), events))
        if inbound.delivery:
            inbound.delivery.reply(reply.model_dump_json().encode())
            inbound.delivery.ack()

    def _give_back(self, waiting: Waiting, error: Exception) -> None:
        """Return a message to the bus, a moment later: its tries must outlast what is wrong for a moment only."""
        inbound, future = waiting
        if future and not future.done():
            future.set_exception(error)
        if inbound.delivery:
            asyncio.get_running_loop().call_later(_PAUSE, inbound.delivery.reject, type(error).__name__)


def seen_by(inbound: Inbound, state: Project) -> Project:
    """Return the state that whoever asks may see: another tenant's project is none."""
    foreign = state.created and inbound.tenant not in (None, state.created.tenant)
    return Project(version=state.version) if foreign else state


def _name(inbound: Inbound) -> str:
    return type(inbound.what).__name__


def _refused(error: DataRefused) -> Problem:
    return Problem(status=422, title="Data refused", detail=str(error))


def _reply(outcome: Outcome, stored: str | None) -> CommandReply:
    """Return the stored answer with the position that shows it."""
    return CommandReply(position=outcome.position, **orjson.loads(stored or "{}"))
