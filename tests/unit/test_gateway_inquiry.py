"""One statement for all that are asked for while the one before is on its way."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from baton_gateway.inquiry import Inquiry


class Table:
    """Rows that can change, and statements that take as long as the test wants."""

    def __init__(self) -> None:
        self.rows = {"a": 1, "b": 2}
        self.asked: list[Sequence[str]] = []
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.inquiry = Inquiry(self.look_up)

    async def look_up(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Answer with the rows that there are when the statement begins, once that is allowed."""
        self.asked.append(keys)
        found = {key: self.rows[key] for key in keys if key in self.rows}
        self.begun.set()
        await self.open.wait()
        if self.error:
            raise self.error
        return found


async def test_who_asks_at_once_shares_a_statement_and_gets_his_own_answer() -> None:
    table = Table()
    table.open.set()
    assert await asyncio.gather(*map(table.inquiry.ask, ["a", "b", "c", "a"])) == [1, 2, None, 1]
    assert table.asked == [["a", "b", "c"]]


async def test_who_asks_during_a_statement_is_answered_by_the_next() -> None:
    """Whatever was changed before he asked, he is told."""
    table = Table()
    early = asyncio.create_task(table.inquiry.ask("a"))
    await table.begun.wait()
    table.rows = {"a": 10}
    late = [asyncio.create_task(table.inquiry.ask(key)) for key in "aba"]
    await asyncio.sleep(0)
    table.open.set()
    assert await early == 1
    assert await asyncio.gather(*late) == [10, None, 10]
    assert table.asked == [["a"], ["a", "b"]]


async def test_more_than_a_statement_holds_are_asked_by_several() -> None:
    table = Table()
    table.open.set()
    assert await asyncio.gather(*(table.inquiry.ask(str(n)) for n in range(1200))) == [None] * 1200
    assert list(map(len, table.asked)) == [500, 500, 200]


async def test_a_statement_that_fails_is_told_to_all_who_asked_and_to_nobody_else() -> None:
    table = Table()
    table.open.set()
    table.error = OSError("away")
    told = await asyncio.gather(*map(table.inquiry.ask, "ab"), return_exceptions=True)
    assert told == [table.error, table.error]
    table.error = None
    assert await table.inquiry.ask("a") == 1


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    table = Table()
    hasty, patient = (asyncio.create_task(table.inquiry.ask("a")) for _ in range(2))
    await table.begun.wait()
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    table.open.set()
    assert await patient == 1
