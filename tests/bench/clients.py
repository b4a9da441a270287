"""The load on a server, from a process of its own: clients that each ask again as soon as they were answered."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import orjson

from bench.caller import Answer, connect, request

_DEADLINE = 30.0


@dataclass(slots=True)
class Load:
    """What clients were answered: how often with what, how long each answer took, and what they wrote and read."""

    statuses: Counter[int] = field(default_factory=Counter)
    samples: list[float] = field(default_factory=list)
    seconds: float = 0.0
    written: list[str] = field(default_factory=list)
    reads: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second; reads that follow a write are not among them."""
        return len(self.samples) / self.seconds

    def take(self, answer: Answer) -> None:
        """Count an answer in."""
        self.statuses[answer.status] += 1
        self.samples.append(answer.seconds)


class Clients:
    """A resident. What is asked in turn goes on where it stopped the time before."""

    def __init__(self) -> None:
        self._turns: dict[str, Iterator[bytes]] = {}

    async def prepare(self, name: str, requests: Sequence[bytes]) -> None:
        """Keep requests under a name, to be sent in turn."""
        self._turns[name] = itertools.cycle(requests)

    async def read(self, name: str, url: str, clients: int, seconds: float) -> Load:
        """Have clients send the requests of a name for a while."""
        load, turns = Load(), self._turns[name]

        def answered(answer: Answer) -> bytes:
            load.take(answer)
            return next(turns)

        return await _run(load, url, clients, seconds, lambda: answered, turns.__next__)

    async def write(self, url: str, path: str, body: bytes, clients: int, seconds: float, read_every: int = 0) -> Load:
        """Have clients post a body for a while; each reads what every so many of its posts made, and then goes on."""
        load, post = Load(), request(url, "POST", path, body)

        def client() -> Callable[[Answer], bytes]:
            reading = False

            def answered(answer: Answer) -> bytes:
                nonlocal reading
                if reading:
                    load.reads[answer.status] += 1
                    reading = False
                    return post
                load.take(answer)
                load.written.append(orjson.loads(answer.body)["project_id"] if answer.status == 201 else "")
                reading = read_every > 0 and len(load.written) % read_every == 0
                return request(url, "GET", f"{path}/{load.written[-1]}") if reading else post

            return answered

        return await _run(load, url, clients, seconds, client, lambda: post)

    async def ask(self, url: str, path: str) -> Answer:
        """Return one answer to a GET."""
        answers: list[Answer] = []
        caller = await connect(url, answers.append)
        caller.send(request(url, "GET", path))
        async with asyncio.timeout(_DEADLINE):
            await caller.done
        return answers[0]

    async def close(self) -> None:
        """There is nothing to let go of."""


async def _run(
    load: Load,
    url: str,
    clients: int,
    seconds: float,
    client: Callable[[], Callable[[Answer], bytes]],
    first: Callable[[], bytes],
) -> Load:
    """Have clients ask until the time is over; the answers to what was asked until then count."""
    end = float("inf")

    def until_the_end(answered: Callable[[Answer], bytes]) -> Callable[[Answer], bytes | None]:
        def on_answer(answer: Answer) -> bytes | None:
            following = answered(answer)
            return following if monotonic() < end else None

        return on_answer

    callers = await asyncio.gather(*(connect(url, until_the_end(client())) for _ in range(clients)))
    started = monotonic()
    end = started + seconds
    for caller in callers:
        caller.send(first())
    async with asyncio.timeout(seconds + _DEADLINE):
        await asyncio.gather(*(caller.done for caller in callers))
    load.seconds = monotonic() - started
    return load
