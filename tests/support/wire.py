"""A TCP proxy in this process, to do to a connection what networks do."""

import asyncio
from functools import partial
from typing import Self

from yarl import URL


class Wire:
    """A TCP proxy before a server: it can be cut, swallow everything, and hold it back while not `flowing`.

    With a `budget` it passes that many bytes more, wherever in a message that ends, and then cuts itself.
    """

    def __init__(self, target: URL) -> None:
        self._target = target
        self._pipes: set[asyncio.Task[None]] = set()
        self.swallow = False
        self.budget: int | None = None
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = str(self._target.with_host("127.0.0.1").with_port(self._server.sockets[0].getsockname()[1]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.cut()

    def lead_to(self, target: URL) -> None:
        """Lead to another server from now on; connections to the old one end."""
        self._target = target
        for pipe in self._pipes:
            pipe.cancel()

    async def cut(self) -> int:
        """Close every connection; tells how many ends that were."""
        pipes = tuple(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        return len(pipes)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pipe = asyncio.create_task(self._pump(source, sink))
            self._pipes.add(pipe)
            pipe.add_done_callback(partial(self._end, sink))  # even if it was cancelled before it began

    def _end(self, sink: asyncio.StreamWriter, pipe: asyncio.Task[None]) -> None:
        self._pipes.discard(pipe)
        sink.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self.flowing.wait()
                if not self.swallow:
                    sink.write(self._within_budget(data))
                    await sink.drain()
                if self.budget == 0:
                    break
        except ConnectionError:
            pass

    def _within_budget(self, data: bytes) -> bytes:
        if self.budget is None:
            return data
        passed = data[: self.budget]
        self.budget -= len(passed)
        return passed
