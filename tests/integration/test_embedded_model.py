"""The embedded model from an idea to a program that runs: its tests in a real subprocess, its page over real HTTP."""

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path
from uuid import UUID

import pytest

from baton_agent_runner.embedded import EmbeddedModel
from baton_agent_runner.embedded.data_model import DataModel
from baton_agent_runner.model import Answer, ModelRefused, Question
from baton_agent_runner.testing import run_tests, write_files
from baton_contracts.handoffs import (
    CodePackage,
    DeploymentPackage,
    HandoffSchema,
    ImplementationPlan,
    Json,
    SoftwareSpecification,
)

PROJECT = UUID("00000000-0000-4000-8000-000000000001")
STEPS = ("software_specification", "implementation_plan", "code_package", "deployment_package")
IDEAS = (
    "Recipes",
    "An app to share recipes with ingredients and ratings, with search, tags, favourites and CSV export",
    "Eine App für Rezepte mit Bewertungen",
    "A library with books, members and loans, with due dates and statistics",
    "レシピと材料を管理するアプリ",
    "Una aplicación para gestionar recetas con ingredientes y comentarios",
    "Bike repair shop: customers, bikes, repairs, invoices, with CSV import",
    "A to-do list with reminders, no login",
    'Track which order each class and group uses; \'; DROP TABLE users; -- </script> {{ 7*7 }} """',
    "Let teachers manage students, courses and grades, with reports and online payments",
    'A "garage sale" site: sellers list items under $20 & buyers\' offers',
)


def handoff(kind: str, content: Json) -> HandoffSchema:
    return HandoffSchema(
        project_id=PROJECT, source_agent="one", target_agent="next", handoff_type=kind, content=content
    )


async def carry(idea: str, feedback: dict[str, tuple[str, ...]] | None = None) -> dict[str, Answer]:
    """Ask for every document from the specification to the deployment files, each on top of the one before."""
    answers: dict[str, Answer] = {}
    artifacts: dict[str, Json] = {}
    coming = handoff("product_idea", {"product_idea": idea})
    for step in STEPS:
        question = Question("agent", step, coming, dict(artifacts), (feedback or {}).get(step, ()))
        answers[step] = answer = await EmbeddedModel().answer(question)
        content = answer.content.model_dump(mode="json")
        artifacts[step] = content | answer.extras
        coming = handoff(step, content)
    return answers


def model_of(answer: Answer) -> DataModel:
    return DataModel.model_validate(answer.extras["data_model"])


def files_of(answer: Answer) -> dict[str, str]:
    assert isinstance(answer.content, CodePackage | DeploymentPackage)
    return {file.path: file.content for file in answer.content.files}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def fetch(url: str) -> str:
    """Read a page as soon as it is served; gives up after ten seconds."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read().decode())  # noqa: S310
            except OSError:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("idea", IDEAS)
async def test_an_idea_becomes_a_program_whose_own_tests_pass_and_that_serves(idea: str, tmp_path: Path) -> None:
    answers = await carry(idea)
    package = answers["code_package"].content
    assert isinstance(package, CodePackage)

    report = await run_tests(package, directory=tmp_path)
    assert report.passed, report.output
    assert report.tests_run >= 20

    write_files(package, tmp_path / "program")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "app.py",
        cwd=tmp_path / "program",
        env={"PORT": str(port), "PATH": os.defpath},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        page = await fetch(f"http://127.0.0.1:{port}/")
        for entity in model_of(answers["code_package"]).entities:
            assert f'CREATE TABLE IF NOT EXISTS "{entity.plural}"' in files_of(answers["code_package"])["schema.sql"]
            assert f'<section id="{entity.plural}">' in page
            assert entity.plural_label in page
            assert '"total": 0' in await fetch(f"http://127.0.0.1:{port}/api/{entity.plural}")
        assert "<script" not in page
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_every_document_speaks_of_every_entity() -> None:
    answers = await carry(IDEAS[1])
    spec, plan = answers["software_specification"].content, answers["implementation_plan"].content
    assert isinstance(spec, SoftwareSpecification)
    assert isinstance(plan, ImplementationPlan)
    readme = files_of(answers["deployment_package"])["README.md"]
    for plural in ("recipes", "ingredients", "ratings"):
        assert any(plural in line for line in spec.requirements)
        assert any(plural in line for line in spec.user_stories)
        assert f'"{plural}"' in plan.database_schema
        assert f"`/api/{plural}`" in readme
    assert plan.architecture_diagram_url == f"/api/v1/artifacts/{PROJECT}/diagram"
    assert answers["implementation_plan"].extras["diagram"].startswith("erDiagram\n    RECIPE {")
    assert "3 entities: recipe, ingredient and rating" in answers["software_specification"].message


async def test_the_model_says_what_it_is() -> None:
    for answer in (await carry("Recipes")).values():
        assert (answer.provider, answer.model) == ("embedded", "embedded-deterministic-1")
        assert "embedded deterministic model" in answer.extras["generated_by"]
        assert answer.output_tokens > 0
    readme = files_of((await carry("Recipes"))["deployment_package"])["README.md"]
    assert "Generated by Baton's embedded deterministic model" in readme


async def test_the_deployer_adds_what_builds_and_explains_the_program() -> None:
    files = files_of((await carry(IDEAS[9]))["deployment_package"])
    assert set(files) == {"README.md", "Dockerfile", "compose.yaml", ".dockerignore"}
    assert "Asked for, but not built: payments" in files["README.md"]
    assert "HOST=0.0.0.0" in files["Dockerfile"]


async def test_the_same_question_has_the_same_answer() -> None:
    assert await carry(IDEAS[1]) == await carry(IDEAS[1])


@pytest.mark.parametrize("step", ["software_specification", "implementation_plan", "code_package"])
async def test_feedback_at_any_step_changes_the_code_which_still_passes_its_tests(step: str) -> None:
    texts = ("Add an export and leave out ratings", "also track allergens", "Make it purple")
    answers = await carry("Share recipes with ratings", {step: texts})
    code = answers["code_package"]
    assert '"ratings"' not in files_of(code)["schema.sql"]
    assert '"allergens"' in files_of(code)["schema.sql"]
    assert "text/csv" in files_of(code)["api.py"]
    assert "Make it purple" in answers[step].message
    assert isinstance(code.content, CodePackage)
    assert (await run_tests(code.content)).passed


async def test_without_a_kept_data_model_it_is_derived_from_the_texts() -> None:
    spec = {"core_idea": "Track bikes and repairs.", "requirements": [], "user_stories": []}
    question = Question("coder", "code_package", handoff("implementation_plan", {}), {"software_specification": spec})
    model = model_of(await EmbeddedModel().answer(question))
    assert [entity.name for entity in model.entities] == ["bike", "repair"]


async def test_a_persons_schema_is_read_where_there_is_nothing_else() -> None:
    plan = {"database_schema": "CREATE TABLE boats (id INTEGER); CREATE TABLE IF NOT EXISTS harbours (id INTEGER);"}
    question = Question("coder", "code_package", handoff("implementation_plan", plan))
    model = model_of(await EmbeddedModel().answer(question))
    assert [entity.name for entity in model.entities] == ["boat", "harbour"]


@pytest.mark.parametrize(
    ("output_type", "kind", "content"),
    [
        ("test_report", "code_package", {}),
        ("code_package", "implementation_plan", {}),
        ("software_specification", "product_idea", {"product_idea": "  "}),
    ],
)
async def test_a_question_that_it_cannot_answer_is_refused_with_a_reason(
    output_type: str, kind: str, content: Json
) -> None:
    with pytest.raises(ModelRefused, match=r"embedded model|product idea|Nothing in the handoff"):
        await EmbeddedModel().answer(Question("agent", output_type, handoff(kind, content)))
