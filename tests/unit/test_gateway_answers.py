"""The route table, a bundle's file name, and waiting for the tables, without a database."""

import asyncio
import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_gateway.download import Bundle
from baton_gateway.freshness import Freshness
from baton_gateway.routes import ROUTES


def test_every_route_stands_once_and_says_who_may_ask() -> None:
    places = [(route.method, re.sub(r"\{\w+\}", "{}", route.path)) for route in ROUTES]
    assert len(set(places)) == len(places)
    assert {route.role for route in ROUTES} <= {"public", "viewer", "operator", "admin"}
    open_to_all = {route.path for route in ROUTES if route.role == "public" and not route.path.startswith("/docs")}
    documents = {"/api/v1/openapi.json", "/api/v1/asyncapi.json"}
    assert open_to_all == {"/healthz", "/api/v1/healthz", "/livez", "/readyz"} | documents
    assert all(route.role != "public" for route in ROUTES if route.method != "GET")


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("My App", "attachment; filename=\"my-app.zip\"; filename*=UTF-8''my-app.zip"),
        ("Büro", "attachment; filename=\"b-ro.zip\"; filename*=UTF-8''b%C3%BCro.zip"),
        ("図書館", "attachment; filename=\"project.zip\"; filename*=UTF-8''%E5%9B%B3%E6%9B%B8%E9%A4%A8.zip"),
        ('../..\\x"; a=b\n', "attachment; filename=\"x-a-b.zip\"; filename*=UTF-8''x-a-b.zip"),
        ("\N{GRINNING FACE}", "attachment; filename=\"project.zip\"; filename*=UTF-8''project.zip"),
    ],
)
def test_a_bundle_is_named_after_its_project(name: str, disposition: str) -> None:
    assert Bundle(name, "0" * 64, 1).disposition() == disposition


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_name_breaks_out_of_the_header(name: str) -> None:
    told = Bundle(name, "0" * 64, 1).disposition()
    assert re.fullmatch(r"attachment; filename=\"[a-z0-9-]+\.zip\"; filename\*=UTF-8''[\w%-]+\.zip", told, re.ASCII)


async def test_whoever_waits_is_woken_at_its_position_and_not_before() -> None:
    freshness = Freshness(cast("Any", None))
    freshness.note(3)
    assert await freshness.wait(3, timeout=0)
    waiting = [asyncio.create_task(freshness.wait(position, timeout=5)) for position in (6, 5, 4)]
    await asyncio.sleep(0)
    freshness.note(5)
    await asyncio.sleep(0.01)
    assert [task.done() for task in waiting] == [False, True, True]
    freshness.note(7)
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_a_position_that_is_not_reached_in_time_is_told_as_such() -> None:
    assert not await Freshness(cast("Any", None)).wait(1, timeout=0.01)
