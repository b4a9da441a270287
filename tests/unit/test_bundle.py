"""A bundle: its names are safe, its bytes reproducible, its manifest true; and what generating one means."""

import asyncio
import hashlib
import io
import json
import re
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_artifacts.decide import RecordBundle, RefuseBundle, Sources, Stale, record, refuse, result_of, sources_of
from baton_artifacts.documents import documents_of
from baton_artifacts.kinds import kind_of
from baton_artifacts.manifest import MAX_BYTES, MAX_FILES, BundleFile, files_of
from baton_artifacts.paths import MAX_PART, MAX_PATH, Taken, clean, key
from baton_artifacts.zip import zip_stream
from baton_contracts.commands import Problem, Refused
from baton_contracts.definitions import Template
from baton_contracts.events import ArtifactsGenerated, Payload
from baton_contracts.handoffs import Json
from baton_contracts.project import Project
from baton_eventlog.append import NewEvent
from baton_runtime.definitions import find_core, load_definitions
from support.bundles import CODE, CREATED, OUTPUTS, PLAN, PROJECT, begun, finished, folded, made

EVIL: Final = [
    "",
    "/",
    ".",
    "..",
    "../../etc/passwd",
    "a/../../../etc/cron.d/x",
    "/etc/passwd",
    "//etc/passwd",
    "///server/share",
    "./././x",
    "x/.",
    "x/..",
    "a//b",
    "..\\..\\windows\\system32\\evil.dll",
    "C:\\Windows\\win.ini",
    "c:evil.txt",
    "C:/evil.txt",
    "C:C:\\evil.txt",
    "\\\\server\\share\\evil.exe",
    "\\\\?\\C:\\evil.txt",
    "\\\\.\\PhysicalDrive0",
    "file.txt:stream",
    "file.txt::$DATA",
    "CON",
    "con.txt",
    "Nul.tar.gz",
    "aux .c",
    "lib/PRN",
    "com1",
    "LPT9.log",
    "COM\u00b9.txt",
    "CONIN$",
    "a/CLOCK.txt.",
    "trailing.",
    "trailing ",
    "trailing. . .",
    "... /x",
    ". ./x",
    ".. /x",
    "..\x00/x",
    ".\u200b./x",
    "nul\x00byte.txt",
    "line\nbreak\r.txt",
    "bell\x07\x1b[31mred.txt",
    "gpj.\u202eexe",
    "zero\u200bwidth\ufeff.txt",
    "\uff0e\uff0e\uff0fetc\uff0fpasswd",
    "\uff23\uff1a\uff3cevil.txt",
    "..\u2215..\u2215etc",
    "..\u2216x",
    "lone\ud800surrogate.txt",
    "quo\"te's.txt",
    "<script>alert(1)</script>.html",
    "pipe|and*star?.txt",
    ".git/hooks/post-checkout",
    ".GIT/config",
    "git~1/config",
    "n" * 5000 + ".py",
    "d/" * 60000 + "deep.py",
    "\u00e4" * 300 + ".md",
    "~/.ssh/authorized_keys",
    "   /   ",
    "\t.\t",
]
PROPOSED: Final = [path for path in EVIL if path and "\ud800" not in path]  # what a handoff can hold at all
DEVICES: Final = {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}


def assert_safe(path: str) -> None:
    """Check every invariant that `paths` promises."""
    assert len(path.encode()) <= MAX_PATH
    assert not re.search(r'[\\<>:"|?*\x00-\x1f\x7f]', path)
    assert not {unicodedata.category(char) for char in path} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    for part in path.split("/"):
        assert part not in {"", ".", ".."}
        assert part == part.strip()
        assert not part.endswith(".")
        assert len(part.encode()) <= MAX_PART
        assert part.split(".")[0].strip().casefold() not in DEVICES
        assert part.casefold() != ".git"


@pytest.fixture(scope="module")
def templates() -> Mapping[str, Template]:
    """Give the house's own templates."""
    return load_definitions(find_core()).definitions.templates


def bundle_of(sources: Sources, templates: Mapping[str, Template]) -> dict[str, BundleFile]:
    """Return the files of a bundle by path."""
    return {file.path: file for file in files_of(sources, documents_of(sources, templates))}


def sources(outputs: dict[str, Json] = OUTPUTS) -> Sources:
    """Return what a finished project with these outputs is bundled from."""
    return sources_of(PROJECT, folded(finished(outputs)))


async def zipped(files: list[BundleFile]) -> bytes:
    """Return a whole ZIP."""
    return b"".join([chunk async for chunk in zip_stream(files)])


def code(*paths: str) -> dict[str, Json]:
    """Return outputs whose program has a file at each of these paths, each with its own number in it."""
    files = [{"path": path, "content": f"{n}\n"} for n, path in enumerate(paths)]
    return {"code_package": CODE | {"files": files}}


@pytest.mark.parametrize("path", EVIL, ids=range(len(EVIL)))
def test_a_hostile_path_becomes_a_safe_one(path: str) -> None:
    assert_safe(clean(path))
    assert clean(clean(path)) == clean(path)


@given(st.text(alphabet=st.one_of(st.sampled_from("/\\.: CcNnOoUuLl12\u202e\uff0e\uff0f"), st.characters())))
def test_any_text_becomes_a_safe_path_and_cleaning_again_changes_nothing(path: str) -> None:
    assert_safe(clean(path))
    assert clean(clean(path)) == clean(path)


@pytest.mark.parametrize(
    "path", ["app.py", "static/css/style.css", ".dockerignore", ".env.example", "docs/über uns.md", "a-b_c/日本.txt"]
)
def test_an_ordinary_path_stays_as_it_is(path: str) -> None:
    assert clean(path) == path


def test_a_long_name_keeps_its_suffix() -> None:
    assert clean("n" * 5000 + ".py").endswith("n.py")


@given(st.lists(st.sampled_from(["a", "A", "a/b", "a/B", "A/b/c", "a-2", "a-2/b", "b.txt", "B.TXT", "b-2.txt"])))
def test_no_two_claimed_paths_are_one_and_no_file_is_a_folder(paths: list[str]) -> None:
    taken = Taken()
    claimed = [key(taken.claim(path)) for path in paths]
    folders = {path.rsplit("/", n)[0] for path in claimed for n in range(1, path.count("/") + 1)}
    assert len(set(claimed)) == len(claimed)
    assert not folders & set(claimed)


def test_a_taken_path_gets_a_number_before_its_suffix() -> None:
    taken = Taken("README.md")
    assert [taken.claim("readme.md"), taken.claim("Readme.MD")] == ["readme-2.md", "Readme-3.MD"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("README.md", "documentation"),
        ("LICENSE", "documentation"),
        ("docs/test-report.md", "documentation"),
        ("docs/architecture.mmd", "diagram"),
        ("baton.json", "manifest"),
        ("sub/baton.json", "configuration"),
        ("tests/test_app.py", "test"),
        ("tests/__init__.py", "test"),
        ("test_app.py", "test"),
        ("page.spec.ts", "test"),
        ("Dockerfile", "configuration"),
        ("compose.yaml", "configuration"),
        ("requirements.txt", "configuration"),
        (".dockerignore", "configuration"),
        ("app.py", "code"),
        ("contest.py", "code"),
        ("schema.sql", "code"),
    ],
)
def test_a_path_tells_what_kind_of_file_it_names(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_a_bundle_holds_documents_program_deployment_and_manifest(templates: Mapping[str, Template]) -> None:
    assert list(bundle_of(sources(), templates)) == [
        "Dockerfile",
        "README.md",
        "app.py",
        "docs/architecture.mmd",
        "docs/plan.md",
        "docs/specification.md",
        "docs/test-report.md",
        "tests/test_app.py",
        "baton.json",
    ]


def test_the_deployment_has_the_root_readme(templates: Mapping[str, Template]) -> None:
    assert bundle_of(sources(), templates)["README.md"].data == b"# From the deployer\n"


def test_documents_are_rendered_with_the_templates_of_the_folder(templates: Mapping[str, Template]) -> None:
    bundle = bundle_of(sources(), templates)
    assert bundle["docs/specification.md"].data.startswith(b"# Book lending: Specification\n")
    assert "R1: a person can add a book" in bundle["docs/specification.md"].data.decode()
    assert "CREATE TABLE book" in bundle["docs/plan.md"].data.decode()
    assert "python -m unittest 'a b'" in bundle["docs/test-report.md"].data.decode()
    assert bundle["docs/architecture.mmd"].data == b"flowchart LR\n  person --> page\n"
    assert not any(b"{{" in file.data for file in bundle.values())


def test_a_document_without_its_template_shows_every_field_all_the_same() -> None:
    text = documents_of(sources(), {})["docs/plan.md"]
    assert text.startswith("# Book lending: Implementation plan\n")
    assert all(str(PLAN[name]) in text for name in ("architecture_diagram_url", "database_schema"))


def test_a_project_under_way_is_bundled_with_what_it_has(templates: Mapping[str, Template]) -> None:
    only = {"software_specification": OUTPUTS["software_specification"]}
    assert list(bundle_of(sources(only), templates)) == ["docs/specification.md", "baton.json"]


def test_the_manifest_says_what_is_in_the_bundle_and_what_made_it(templates: Mapping[str, Template]) -> None:
    bundle = bundle_of(sources(), templates)
    manifest = json.loads(bundle["baton.json"].data)
    assert (manifest["project_id"], manifest["name"]) == (str(PROJECT), CREATED.name)
    assert manifest["product_idea"] == CREATED.product_idea
    assert manifest["workflow_ids"] == ["idea-to-software"]
    origins = {origin["handoff_type"]: origin for origin in manifest["artifacts"]}
    assert origins["software_specification"]["generated_by"] == "embedded model"
    assert origins["test_report"]["source_agent"] == "test_report-agent"


async def test_every_sha256_and_size_in_the_manifest_is_true(templates: Mapping[str, Template]) -> None:
    bundle = list(bundle_of(sources(), templates).values())
    with ZipFile(io.BytesIO(await zipped(bundle))) as archive:
        listed = json.loads(archive.read("baton.json"))["files"]
        assert [file["name"] for file in listed] == archive.namelist()[:-1]
        for file in listed:
            data = archive.read(file["name"])
            assert (file["size"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


async def test_the_same_project_gives_the_same_zip_byte_for_byte(templates: Mapping[str, Template]) -> None:
    first = await zipped(list(bundle_of(sources(), templates).values()))
    again = await zipped(list(bundle_of(sources(), templates).values()))
    assert first == again


async def test_a_zip_has_fixed_times_plain_files_and_whole_contents() -> None:
    large = bytes(range(256)) * 1000
    files = [BundleFile("empty", b"", "code"), BundleFile("große datei.bin", large, "code")]
    with ZipFile(io.BytesIO(await zipped(files))) as archive:
        assert archive.testzip() is None
        assert archive.read("große datei.bin") == large
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == stat.S_IFREG | 0o644


async def test_a_zip_comes_in_small_pieces() -> None:
    noise = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(20_000))
    sizes = [len(chunk) async for chunk in zip_stream([BundleFile("noise", noise, "code")])]
    assert sum(sizes) > 600_000
    assert max(sizes) < 200_000


async def test_a_zip_that_nobody_reads_to_its_end_closes_without_a_fuss() -> None:
    stream = zip_stream([BundleFile("zeros", bytes(1 << 20), "code")])
    assert isinstance(await anext(stream), bytes)
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["zipfile", "command"])
def test_hostile_names_unpack_inside_the_folder_and_all_of_them(
    how: str, tmp_path: Path, templates: Mapping[str, Template]
) -> None:
    bundle = bundle_of(sources(code(*PROPOSED)), templates)
    packed, out = tmp_path / "bundle.zip", tmp_path / "in" / "out"
    packed.write_bytes(asyncio.run(zipped(list(bundle.values()))))
    if how == "zipfile":
        with ZipFile(packed) as archive:
            archive.extractall(out)
    else:
        subprocess.run([sys.executable, "-m", "zipfile", "-e", packed, out], check=True, timeout=60)
    unpacked = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert unpacked == {path: file.data for path, file in bundle.items()}
    assert len(unpacked) == len(PROPOSED) + 1
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {packed, *(out / path for path in unpacked)}


def test_a_program_cannot_take_the_place_of_a_document_or_the_manifest(templates: Mapping[str, Template]) -> None:
    outputs = OUTPUTS | code("Baton.json", "docs/SPECIFICATION.md", "DOCS/plan.md", "docs")
    bundle = bundle_of(sources(outputs), templates)
    assert {"Baton-2.json", "docs/SPECIFICATION-2.md", "DOCS/plan-2.md", "docs-2"} < bundle.keys()
    assert bundle["docs/specification.md"].type == "documentation"
    assert json.loads(bundle["baton.json"].data)["name"] == CREATED.name


def test_too_many_files_are_refused(templates: Mapping[str, Template]) -> None:
    with pytest.raises(Refused, match="holds 500 at most") as refusal:
        bundle_of(sources(code(*(f"{n}.py" for n in range(100_000)))), templates)
    assert refusal.value.status == 413


def test_too_many_bytes_are_refused(templates: Mapping[str, Template]) -> None:
    files = [{"path": "zeros", "content": "0" * (MAX_BYTES + 1)}]
    with pytest.raises(Refused, match="at most") as refusal:
        bundle_of(sources({"code_package": CODE | {"files": files}}), templates)
    assert refusal.value.status == 413


def test_the_event_of_the_fullest_bundle_fits_into_the_log(templates: Mapping[str, Template]) -> None:
    names = [f"{n:03}{'ü' * 50}/{'ü' * 50}.py" for n in range(MAX_FILES - 1)]
    built = built_from(finished(code(*names)), templates=templates)
    assert len(built.files) == MAX_FILES
    assert NewEvent.of(record(folded(finished(code(*names))), built)[0]).json


def built_from(
    payloads: list[Payload], sha256: str = "ab" * 32, templates: Mapping[str, Template] | None = None
) -> RecordBundle:
    """Return the bundle that was built from a project with these events."""
    found = sources_of(PROJECT, folded(payloads))
    entries = tuple(file.entry() for file in bundle_of(found, templates or {}).values())
    return RecordBundle(project_id=PROJECT, sources=found, sha256=sha256, size=9, files=entries)


def test_a_project_that_nobody_knows_cannot_be_bundled() -> None:
    with pytest.raises(Refused, match="no project") as refusal:
        sources_of(PROJECT, Project())
    assert refusal.value.status == 404


def test_a_project_that_made_nothing_yet_cannot_be_bundled() -> None:
    with pytest.raises(Refused, match="nothing to bundle") as refusal:
        sources_of(PROJECT, folded(begun()))
    assert refusal.value.status == 409


def test_given_outputs_when_their_bundle_is_built_then_the_event_names_it() -> None:
    state, built = folded(finished()), built_from(finished())
    expected = ArtifactsGenerated(sha256="ab" * 32, size=9, of_version=state.version, files=built.files)
    assert record(state, built) == (expected,)
    answer = {"artifacts_generated": len(built.files), "zip_created": True, "download_available": True}
    assert result_of(built) == answer


def test_given_a_bundle_when_the_very_same_is_built_then_nothing_happens() -> None:
    built = built_from(finished())
    state = folded([*finished(), *record(folded(finished()), built)])
    assert record(state, built) == ()


def test_given_a_bundle_when_an_output_changed_since_then_the_new_bundle_is_named() -> None:
    before = [*finished(), *record(folded(finished()), built_from(finished()))]
    after = [*before, *made("code_package", CODE | {"files": [{"path": "new.py", "content": "new"}]})]
    (event,) = record(folded(after), built_from(after, sha256="cd" * 32))
    assert (event.sha256, event.of_version) == ("cd" * 32, len(after))


def test_given_an_output_that_changed_while_building_then_nothing_is_recorded() -> None:
    after = [*finished(), *made("code_package", CODE | {"files": [{"path": "new.py", "content": "new"}]})]
    with pytest.raises(Stale):
        record(folded(after), built_from(finished()))


def test_given_events_that_change_no_output_while_building_then_the_bundle_stands() -> None:
    before = finished()[:-1]
    (event,) = record(folded(finished()), built_from(before))
    assert event.of_version == len(finished())


def test_a_refusal_met_while_building_is_answered_as_it_is() -> None:
    problem = Problem(status=413, title="Too large", detail="Ask for less")
    refused = refuse(RefuseBundle(project_id=PROJECT, problem=problem))
    assert (refused.status, refused.title, refused.detail) == (413, "Too large", "Ask for less")
