"""The documents, built without a gateway: everything in the tables stands in them, once, and nothing else does."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError

from baton_contracts import events as e
from baton_contracts.commands import COMMANDS
from baton_contracts.frame_shapes import EVENT_FRAMES, PartialMessageFrame
from baton_contracts.frames import FRAME_TYPES, frames_of
from baton_contracts.parts import MessagePart
from baton_contracts.rest import HitlAnswer, NewProject
from baton_contracts.routes import CONSUMERS, SERVICE_QUEUES
from baton_gateway.documents.asyncapi import asyncapi
from baton_gateway.documents.openapi import openapi
from baton_gateway.documents.schemas import as_sent
from baton_gateway.routes import ROUTES
from support.golden import samples
from support.tales import whole_story

Json = dict[str, Any]
PROJECT = UUID(int=7)
OPENAPI = openapi(ROUTES)
ASYNCAPI = asyncapi(ROUTES, ["analyst", "coder"])
IN_IT = [
    route
    for route in ROUTES
    if not route.path.startswith(("/ws", "/docs")) and not (route.path.endswith("/") and len(route.path) > 1)
]


def operations() -> Iterator[tuple[str, str, Json]]:
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def operation(method: str, path: str) -> Json:
    found: Json = OPENAPI["paths"][path][method.lower()]
    return found


def within(document: object) -> Iterator[Json]:
    """Yield every object in a document."""
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from within(one)


def at(document: Json, reference: str) -> object:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def component(name: str) -> Json:
    schema: Json = OPENAPI["components"]["schemas"][name]
    return schema


def test_every_route_is_an_operation_with_its_role_and_its_answer() -> None:
    assert {(method, path) for method, path, _ in operations()} == {(route.method, route.path) for route in IN_IT}
    for route in IN_IT:
        told = operation(route.method, route.path)
        assert told["x-required-role"] == route.role
        assert told["summary"]
        assert str(route.status) in told["responses"]
        assert {str(status) for status in (*route.refusals, *route.also, 405, 422)} <= told["responses"].keys()
        assert ("requestBody" in told) == (route.body is not None)


def test_every_route_says_whether_it_takes_a_key_and_how_it_is_refused_without() -> None:
    for route in IN_IT:
        told = operation(route.method, route.path)
        public, writes = route.role == "public", route.method != "GET"
        assert told["security"] == ([] if public else [{"bearer": []}])
        assert told.get("x-spans-tenants", False) == route.spans_tenants
        expected = {"401": not public, "403": writes or not public, "421": not route.any_host, "429": True}
        assert {status: status in told["responses"] for status in expected} == expected, route.path
    headers = {
        name: response.get("headers", {}).keys() for name, response in OPENAPI["components"]["responses"].items()
    }
    assert (headers["Unauthorized"], headers["TooManyRequests"]) == ({"WWW-Authenticate"}, {"Retry-After"})


def test_a_gateway_that_asks_nobody_who_they_are_tells_of_no_key() -> None:
    assert not any("security" in told for told in within(openapi(ROUTES, guarded=False)["paths"]))


def test_operations_have_names_of_their_own_and_tags_that_are_explained() -> None:
    names = Counter(told["operationId"] for _, _, told in operations())
    assert set(names.values()) == {1}
    explained = {tag["name"] for tag in OPENAPI["tags"] if tag["description"]}
    assert {tag for _, _, told in operations() for tag in told["tags"]} == explained


def test_the_same_path_with_a_slash_is_not_told_again() -> None:
    assert "/api/v1/projects/" in {route.path for route in ROUTES}
    assert "/api/v1/projects/" not in OPENAPI["paths"]


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document: Json) -> None:
    references = [one["$ref"] for one in within(document) if isinstance(one.get("$ref"), str)]
    assert len(references) > 50
    for reference in references:
        assert at(document, reference), reference


def test_every_component_is_used() -> None:
    used = {one["$ref"] for one in within(OPENAPI) if isinstance(one.get("$ref"), str)}
    asked = {name for _, _, told in operations() for way in told["security"] for name in way}
    used |= {f"#/components/securitySchemes/{name}" for name in asked}
    for kind, components in OPENAPI["components"].items():
        for name in components:
            assert f"#/components/{kind}/{name}" in used


def test_every_parameter_of_a_path_is_required_and_has_a_pattern() -> None:
    for _, path, told in operations():
        inside = [one for one in told["parameters"] if one.get("in") == "path"]
        assert [one["name"] for one in inside] == re.findall(r"\{(\w+)\}", path)
        assert all(one["required"] and one["schema"]["pattern"] for one in inside)


def test_the_query_is_the_routes_model() -> None:
    told = operation("GET", "/api/v1/projects/{project_id}/events")
    query = {one["name"]: one for one in told["parameters"] if one.get("in") == "query"}
    assert query["after"]["schema"] == {"type": "integer", "default": 0, "minimum": 0, "maximum": 10**18 - 1}
    assert query["limit"]["schema"] == {"type": "integer", "default": 100, "minimum": 1, "maximum": 1000}
    assert query["min_position"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    assert query["types"]["schema"]["items"]["enum"] == list(e.PAYLOADS)
    assert (query["types"]["style"], query["types"]["explode"]) == ("form", False)
    assert query["after"]["description"] == "the position after which the page begins"


def test_what_changes_something_takes_a_key_and_what_has_a_tag_takes_the_tag() -> None:
    for method, _, told in operations():
        shared = {one["$ref"].rpartition("/")[2] for one in told["parameters"] if "$ref" in one}
        assert shared == (
            {"Idempotency-Key"} if method != "GET" else {"If-None-Match"} if "304" in told["responses"] else set()
        )
    assert "ETag" in operation("GET", "/api/v1/projects/{project_id}")["responses"]["200"]["headers"]


def test_a_new_project_leads_on_to_it() -> None:
    created = operation("POST", "/api/v1/projects")["responses"]["201"]
    assert set(created["headers"]) == {"Location", "Baton-Position"}
    shown = operation("GET", "/api/v1/projects/{project_id}")["operationId"]
    assert created["links"][shown] == {"operationId": shown, "parameters": {"project_id": "$response.body#/project_id"}}


def test_a_link_gives_every_parameter_of_its_operations_path() -> None:
    paths = {told["operationId"]: path for _, path, told in operations()}
    links = [link for one in within(OPENAPI["paths"]) for link in one.get("links", {}).values()]
    assert len(links) > 20
    for link in links:
        assert set(link["parameters"]) == set(re.findall(r"\{(\w+)\}", paths[link["operationId"]]))


def test_bodies_say_that_no_text_has_a_nul_character() -> None:
    for route in IN_IT:
        if route.body:
            for schema in within(component(route.body.__name__)):
                if schema.get("type") == "string" and not {"enum", "const"} & schema.keys():
                    assert not re.search(schema["pattern"], "\0"), (route.path, schema)


def test_open_objects_hold_any_json_without_nul_characters() -> None:
    sent = as_sent({"type": "object", "additionalProperties": True, "propertyNames": {"maxLength": 5}})
    assert sent["propertyNames"] == {"maxLength": 5, "pattern": r"^[^\x00]*$"}
    assert sent["additionalProperties"] == {"$ref": "#/components/schemas/AnyJson"}


@pytest.mark.parametrize(
    "text",
    ["An app", " \N{EM DASH} ", "\u200b\u200b", "  \n\t ", "\u2800", "", "\u00ad", "0", "\N{GRINNING FACE}", "x\0"],
)
def test_the_schema_of_an_idea_takes_what_the_model_takes(text: str) -> None:
    """But for the NUL character, which the gateway refuses before the model is asked."""
    fits = bool(re.search(component("NewProject")["properties"]["product_idea"]["pattern"], text))
    assert fits == (accepts(NewProject, product_idea=text) and "\0" not in text)


@pytest.mark.parametrize(
    "text", ["Name", " Name \n", "two\nlines", "\x1b[31m", "\u2060", "a\u2028b", "\x85x\x85", "\t"]
)
def test_the_schema_of_a_name_takes_what_the_model_takes(text: str) -> None:
    (schema, _) = component("NewProject")["properties"]["name"]["anyOf"]
    assert bool(re.search(schema["pattern"], text)) == accepts(NewProject, product_idea="x", name=text)


def test_the_schema_of_a_decision_says_that_amending_needs_words() -> None:
    (condition,) = component("HitlAnswer")["allOf"]
    assert condition["if"]["properties"]["action"]["enum"] == ["amend", "amended"]
    assert condition["then"]["required"] == ["response_content"]
    assert not accepts(HitlAnswer, action="amend")
    assert accepts(HitlAnswer, action="amend", response_content="words")


def accepts(model: type[BaseModel], **fields: str) -> bool:
    try:
        model.model_validate(fields)
    except ValidationError:
        return False
    return True


def test_every_socket_is_a_channel_on_which_all_frames_are_sent() -> None:
    sockets = {channel["address"]: channel for channel in ASYNCAPI["channels"].values() if "ws" in bindings(channel)}
    assert set(sockets) == {route.path for route in ROUTES if route.status == 101}
    for channel in sockets.values():
        assert {*FRAME_TYPES, "caught_up", "error", "pong", "ping", "subscribe"} <= channel["messages"].keys()
    assert set(bindings(sockets["/ws"])["ws"]["query"]["properties"]) == {
        "project_id",
        "types",
        "since",
        "epoch",
        "ticket",
    }
    assert list(sockets["/ws/{project_id}"]["parameters"]) == ["project_id"]


def bindings(channel: Json) -> Json:
    found: Json = channel.get("bindings", {})
    return found


def test_every_queue_has_the_commands_of_its_owner_and_the_events_that_it_reacts_to() -> None:
    for queue in SERVICE_QUEUES:
        commands = {name for name, command in COMMANDS.items() if command.owner == queue}
        events = {f"{name}_event" for name, consumer in CONSUMERS.items() if consumer == queue}
        channel = ASYNCAPI["channels"][queue]
        assert (channel["address"], channel["messages"].keys()) == (queue, commands | events)
    agents = ASYNCAPI["channels"]["agents"]
    assert agents["address"] == "agent.{agent_type}"
    assert agents["parameters"]["agent_type"]["enum"] == ["analyst", "coder"]


def test_operations_name_messages_of_their_own_channel() -> None:
    for told in ASYNCAPI["operations"].values():
        for one in (told, *([told["reply"]] if "reply" in told else [])):
            assert one["messages"]
            assert all(ref["$ref"].startswith(f"{one['channel']['$ref']}/messages/") for ref in one["messages"])


def test_frames_are_what_their_shapes_say() -> None:
    """For every event of a whole story and every sample, key for key."""
    seen = set()
    for position, payload in enumerate((*whole_story(), *samples().values()), start=1):
        event = e.Event(uuid4(), PROJECT, datetime.now(UTC), position, position, "user", None, None, payload)
        for frame in frames_of(event):
            EVENT_FRAMES[frame["event_type"]].model_validate(frame | {"part": 1, "parts": 1})
            seen.add(frame["event_type"])
    assert seen == set(FRAME_TYPES)
    assert list(EVENT_FRAMES) == list(FRAME_TYPES)


def test_a_part_of_a_message_is_what_its_shape_says() -> None:
    part = MessagePart(
        project_id=PROJECT, task_id=uuid4(), agent_type="coder", attempt=1, message="def", timestamp=datetime.now(UTC)
    )
    PartialMessageFrame.model_validate(part.frame())
