"""One statement for all that are asked for while the one before is on its way.

A question is never answered by a statement that began before it, so whoever wrote and then asks is told of the write.
Under load many questions share a round trip and a connection; alone, a question is asked at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

_MOST: Final = 500  # questions a statement
Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Inquiry(Generic[Key, Answer]):
    """Questions of one kind; `look_up` answers many at once, and leaves out what there is not."""

    def __init__(self, look_up: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Answer]]]) -> None:
        self._look_up = look_up
        self._waiting: dict[Key, asyncio.Future[Answer | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, key: Key) -> Answer | None:
        """Return the answer, None where there is none. Raises what `look_up` raises."""
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(waiting)

    async def _ask(self) -> None:
        try:
            while self._waiting:
                asked = {key: self._waiting.pop(key) for key in list(self._waiting)[:_MOST]}
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: Mapping[Key, asyncio.Future[Answer | None]]) -> None:
        try:
            found = await self._look_up(list(asked))
        except Exception as error:  # noqa: BLE001 - whoever asked is told, and the next question is asked anew
            for waiting in asked.values():
                waiting.set_exception(error)
            return
        for key, waiting in asked.items():
            waiting.set_result(found.get(key))
