"""A real browser at a real gateway that asks nobody for a key: what its user's machine is protected from.

Pages of other sites reach nothing, by whichever name they call it; what agents and people wrote is shown as text. A
page of this machine does what the others try, so that every test could fail.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from support.api import created, view
from support.bundles import PLAN
from support.chromium import browsing, chromium_program
from support.pages import Pages
from support.stage import Stage, stage, work
from support.waiting import eventually
from support.wire import Wire

pytestmark = pytest.mark.timeout(900)  # the first test may have to install the browser

TRY_EVERYTHING = """
  const api = given.gateway + "/api/v1", idea = JSON.stringify({product_idea: "Written by a page"});
  const status = (answer) => answer.type + " " + answer.status;
  await attempt("socket", () => new Promise((done) => {
    const socket = new WebSocket(given.gateway.replace("http", "ws") + "/ws");
    socket.onopen = () => socket.send('{"type": "ping"}');
    socket.onmessage = () => done("a frame");
    socket.onclose = () => done("closed");
  }));
  await attempt("read", async () => (await (await fetch(api + "/projects")).text()).slice(0, 12));
  await attempt("read blindly", async () => (await (await fetch(api + "/projects", {mode: "no-cors"})).text()).length);
  await attempt("write", async () => status(await fetch(api + "/projects",
    {method: "POST", headers: {"Content-Type": "application/json"}, body: idea})));
  await attempt("write text", async () => status(await fetch(api + "/projects",
    {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: idea})));
  for (const referrerPolicy of ["origin", "no-referrer"])
    await attempt("pause, " + referrerPolicy, async () => status(await fetch(
      `${api}/projects/${given.project}/pause`, {method: "POST", mode: "no-cors", referrerPolicy})));
  async function submit(path, enctype, name) {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = "frame" + Math.random();
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, {action: api + path, method: "post", enctype, target: frame.name});
    if (name) form.appendChild(Object.assign(document.createElement("input"), {name, value: '"}'}));
    form.submit();
    return new Promise((done) => setTimeout(done, 500, "sent"));  // no frame shows an answer of ours
  }
  await attempt("form", () => submit("/projects", "text/plain", '{"product_idea": "'));
  await attempt("form of nothing", () => submit("/agents/status/analyst/reset", "application/x-www-form-urlencoded"));
  const load = (tag, path) => new Promise((done) => {
    const element = Object.assign(document.createElement(tag), {src: given.gateway + path});
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    document.body.appendChild(element);
  });
  await attempt("image", () => load("img", "/docs/favicon-32x32.png"));
  await attempt("script", () => load("script", "/docs/page.js"));
"""
REBIND = """
  await fetch(given.home + "/call/switch", {method: "POST", mode: "no-cors"});
  const asked = async (path, request) => { const answer = await fetch(path, request); return answer.status; };
  await attempt("alive", () => asked("/livez"));
  await attempt("read", () => asked("/api/v1/projects"));
  await attempt("write", () => asked("/api/v1/projects",
    {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"product_idea": "Rebound"}'}));
  await attempt("reset", () => asked("/api/v1/agents/status/analyst/reset", {method: "POST"}));
  await attempt("socket", () => new Promise((done) => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    socket.onopen = () => done("open");
    socket.onclose = () => done("closed");
  }));
"""
SHOW = """
  for (const [name, url] of Object.entries(given.urls))
    await attempt(name, () => new Promise((done) => {
      const shown = window.open(url);
      const look = () => {
        try { if (!shown.closed && shown.location.href === "about:blank") return; } catch (error) { /* it is there */ }
        clearInterval(looking);
        setTimeout(done, 300, "shown");
      };
      const looking = setInterval(look, 20);
    }));
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    return chromium_program()


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    async with Pages(TRY_EVERYTHING) as served:
        yield served


async def found_by(chromium: str, pages: Pages, origin: str) -> dict[str, Any]:
    """Show a page of an origin; give what it found."""
    with browsing(chromium, f"{origin}/"):
        return await pages.found()


async def were_reset(api: Stage) -> bool:
    return bool(await api.host.pool.fetchval("SELECT count(*) FROM event_log WHERE event_type = 'agent_reset'"))


async def test_a_page_of_another_site_gets_nothing_and_one_that_is_allowed_gets_all(
    chromium: str, pages: Pages, database: str, tmp_path: Path
) -> None:
    allowed = f"http://localhost:{pages.port}"
    async with stage(database, tmp_path, allowed_origins=(allowed,)) as api:
        pages.given = {"gateway": api.url, "project": await created(api)}
        head = await api.head()
        tried = await found_by(chromium, pages, f"http://evil.example:{pages.port}")
        assert await api.head() == head
        assert tried["socket"] == "closed"
        refused = ("read", "read blindly", "write", "write text", "pause, origin", "pause, no-referrer")
        assert {name: tried[name] for name in refused} == dict.fromkeys(refused, "failed: TypeError")
        assert (tried["image"], tried["script"]) == ("refused", "refused")
        assert (tried["form"], tried["form of nothing"]) == ("sent", "sent")

        done = await found_by(chromium, pages, allowed)
        assert (done["socket"], done["read"], done["write"]) == ("a frame", '{"projects":', "cors 201")
        assert await api.head() > head
        assert await api.host.pool.fetchval("SELECT count(*) FROM projects") == 2
        assert (await view(api, pages.given["project"])).paused
        await eventually(lambda: were_reset(api))


async def test_a_name_that_comes_to_lead_here_reaches_nothing(chromium: str, database: str, tmp_path: Path) -> None:
    """DNS rebinding: the page's own site is the gateway all of a sudden, so that nothing is of another one."""
    async with (
        stage(database, tmp_path) as api,
        Pages(REBIND, switch=lambda: wire.lead_to(URL(api.url))) as pages,
        Wire(URL(f"http://127.0.0.1:{pages.port}")) as wire,
    ):
        project = await created(api)
        head = await api.head()
        tried = await found_by(chromium, pages, f"http://rebind.example:{URL(wire.url).port}")
        refused = {"read": 421, "write": 421, "reset": 421, "socket": "closed"}
        assert tried == refused | {"alive": 200}  # it is the gateway that the name leads to
        assert await api.head() == head
        assert (await view(api, project)).status == "active"


async def test_what_people_and_agents_wrote_is_text(chromium: str, database: str, tmp_path: Path) -> None:
    async with Pages(SHOW) as pages, stage(database, tmp_path) as api:
        home = f"http://localhost:{pages.port}"
        script = f"<script src={home}/stolen></script>"
        payload = f"<!doctype html><html><img src=x onerror=\"fetch('{home}/stolen')\">{script}"
        project_id = await created(api, name=payload, product_idea=payload * 3)
        (task,) = (await view(api, project_id)).tasks
        plan = PLAN | {"diagram": payload, "database_schema": payload}
        await api.tell(project_id, *work(task, "implementation_plan", plan))
        paths = {
            "project": f"/api/v1/projects/{project_id}",
            "list": "/api/v1/projects",
            "events": f"/api/v1/projects/{project_id}/events",
            "diagram": f"/api/v1/artifacts/{project_id}/diagram",
            "refusal": f"/api/v1/projects?status={script}",
            "nothing": f"/{script}",
            "docs": "/docs",
        }
        pages.given = {"urls": {name: api.url + path for name, path in paths.items()}}
        assert await found_by(chromium, pages, home) == dict.fromkeys(paths, "shown")
        assert pages.stolen == []

        pages.html, pages.given = payload, {"urls": {"page": f"{home}/html"}}
        assert await found_by(chromium, pages, home) == {"page": "shown"}
        assert pages.stolen
