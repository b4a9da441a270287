"""The documents as a gateway serves them: true to the standards, fresh, and a page that asks nobody else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.stage import Stage, stage

DOCUMENTS = ("/api/v1/openapi.json", "/api/v1/asyncapi.json")
STRICT = "default-src 'none'; frame-ancestors 'none'"


@pytest.fixture
async def api(database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(database, tmp_path, alone=True) as staged:
        yield staged


async def test_the_openapi_document_is_one(api: Stage) -> None:
    """It passes the validator of OpenAPI 3.1, with everything that it refers to."""
    OpenAPIV31SpecValidator(await api.get(DOCUMENTS[0])).validate()


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_document_that_the_client_has_is_not_sent_again(api: Stage, path: str) -> None:
    async with api.client.get(path) as response:
        tag = response.headers["ETag"]
        assert response.content_type == "application/json"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Content-Security-Policy"] == STRICT
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with api.client.get(path, headers={"If-None-Match": known}) as response:
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["ETag"] == tag
    async with api.client.get(path, headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


async def test_the_page_is_whole_and_asks_nobody_else(api: Stage) -> None:
    """Every file that it names comes from the gateway, with its type, and its policy lets no other in."""
    async with api.client.get("/docs") as response:
        assert (response.status, response.content_type, response.charset) == (200, "text/html", "utf-8")
        page, policy = await response.text(), response.headers["Content-Security-Policy"]
    sources = {source for directive in policy.split(";") for source in directive.split()[1:]}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert "script-src 'self';" in policy
    assert "//" not in page
    named = [urljoin("/docs", name) for name in re.findall(r'(?:src|href)="([^"]+)"', page)]
    types = {}
    for name in named:
        async with api.client.get(name) as response:
            assert response.status == 200, name
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert len(await response.read()) > 100
            types[name] = response.content_type
    assert types == {
        "/docs/favicon-32x32.png": "image/png",
        "/docs/swagger-ui.css": "text/css",
        "/docs/swagger-ui-bundle.js": "text/javascript",
        "/docs/page.js": "text/javascript",
    }


async def test_the_page_shows_this_gateways_document(api: Stage) -> None:
    """What the script names is there, and nothing else is named; Swagger UI is one that reads OpenAPI 3.1."""
    async with api.client.get("/docs/page.js") as response:
        script = await response.text()
    assert re.findall(r'"(/[^"]*|\w+:[^"]*)"', script) == [DOCUMENTS[0]]
    assert "validatorUrl: null" in script
    async with api.client.get("/docs/swagger-ui-bundle.js") as response:
        assert "OAS31" in await response.text()


async def test_a_list_that_holds_nothing_does_not_fit(api: Stage) -> None:
    """As the document says: whoever wants everything leaves it out."""
    document = await api.get(DOCUMENTS[0])
    parameters = document["paths"]["/api/v1/projects"]["get"]["parameters"]
    (status,) = [one["schema"] for one in parameters if one.get("name") == "status"]
    assert status["minItems"] == 1
    for query in ("status=", "status=active,", "status=,active"):
        async with api.client.get(f"/api/v1/projects?{query}") as response:
            assert response.status == 422


async def test_only_pages_for_people_may_load_anything(api: Stage) -> None:
    async with api.client.get("/livez") as response:
        assert response.headers["Content-Security-Policy"] == STRICT
        assert response.headers["Cache-Control"] == "no-store"
