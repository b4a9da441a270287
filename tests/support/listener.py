"""A client of `/ws` that follows the rules of resuming, and keeps what it heard."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp

Frame = dict[str, Any]


@dataclass(slots=True)
class Listener:
    """What one client heard over all its connections; `since` is where it resumes."""

    since: int
    path: str = "/ws"
    types: str = ""
    heard: list[Frame] = field(default_factory=list)
    unfinished: list[Frame] = field(default_factory=list)

    @property
    def query(self) -> dict[str, str]:
        """What it connects with."""
        return {"since": str(self.since)} | ({"types": self.types} if self.types else {})

    async def listen(self, client: aiohttp.ClientSession, url: str, *, until: int | None = None) -> None:
        """Connect and hear until the connection ends, or until live at a position."""
        self.unfinished.clear()  # what was not whole comes again
        try:
            async with client.ws_connect(f"{url}{self.path}", params=self.query) as socket:
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        break
                    self.hear(message.json())
                    if until is not None and self.since >= until:
                        return
        except (aiohttp.ClientError, ConnectionError, OSError):
            return

    def hear(self, frame: Frame) -> None:
        """Take a frame; an event counts when all its parts are there."""
        if frame["event_type"] == "caught_up":
            self.since = frame["position"]
            return
        self.unfinished.append(frame)
        if frame["part"] == frame["parts"]:
            self.heard += self.unfinished
            self.unfinished.clear()
            self.since = frame["position"]
