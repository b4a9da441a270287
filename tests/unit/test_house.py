"""The house holds together: what the papers say and what the files are is the same."""

import re
import subprocess
import tomllib
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml

from baton_runtime.door_settings import DoorSettings
from baton_runtime.settings import Settings

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(
    path.parent for where in ("libs/*", "services/*", "cli") for path in ROOT.glob(f"{where}/pyproject.toml")
)
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))
MIGRATIONS = ROOT / "libs/eventlog/baton_eventlog/migrations"
DEPLOY = ROOT / "deploy"
SOMEONES_HOME = re.compile(rb"/home/[a-z][\w.-]*/|/root/|/Users/\w+/|[A-Z]:\\Users\\")
THIS_FILE = Path("tests/unit/test_house.py")  # it has to name what it looks for


def tracked() -> list[Path]:
    """Return the files that are committed or would be; skips where there is no checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=30,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout, so nobody can say which files are tracked")
    return [Path(name) for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def make(*words: str) -> str:
    """Return what make prints."""
    return subprocess.run(
        ["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, check=True, text=True, timeout=30
    ).stdout


def targets() -> list[str]:
    """Return the targets that `make help` lists."""
    return re.findall(r"^make ([\w-]+)", make("help"), re.MULTILINE)


def test_make_help_lists_every_phony_target() -> None:
    phony = re.search(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert phony
    assert sorted(targets()) == sorted(phony[1].split())


def test_every_target_that_make_help_lists_can_be_made() -> None:
    for target in targets():
        assert make("--dry-run", "--always-make", target)


def test_the_papers_name_no_target_that_does_not_exist() -> None:
    papers = "\n".join(path.read_text() for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".ci/run"])

    named = set(re.findall(r"^make(?: --[\w-]+)* ([\w-]+)|`make ([\w-]+)", papers, re.MULTILINE))

    assert {name for pair in named for name in pair if name} - set(targets()) == set()


@pytest.mark.parametrize(
    "idea", ['it\'s "5$" $HOME', "$(shell echo no) `echo no` $$ \\ #x; echo no", "two\nlines", "-x"]
)
def test_an_idea_reaches_the_command_as_it_was_typed(idea: str, tmp_path: Path) -> None:
    """Neither make nor the shell reads anything into it."""
    command = tmp_path / "baton"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    (tmp_path / "stamp").touch()

    said = make(
        "demo", f"BIN={tmp_path}", f"STAMP={tmp_path / 'stamp'}", "--old-file", f"{tmp_path / 'stamp'}", f"IDEA={idea}"
    )

    assert said == f"run\n--out\nout\n--\n{idea}\n"


def test_ci_runs_lint_and_test() -> None:
    commands = re.findall(r"^make .*?(\w+)(?: #.*)?$", (ROOT / ".ci/run").read_text(), re.MULTILINE)

    assert commands == ["lint", "test"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_no_file_names_a_home_directory() -> None:
    guilty = [path for path in tracked() if path != THIS_FILE and SOMEONES_HOME.search((ROOT / path).read_bytes())]

    assert guilty == []


def test_every_package_says_that_it_is_typed() -> None:
    for member in MEMBERS:
        (package,) = member.glob("baton_*/__init__.py")
        assert (package.parent / "py.typed").is_file(), member


def test_every_member_has_the_same_version_and_licence() -> None:
    projects = [tomllib.loads((member / "pyproject.toml").read_text())["project"] for member in MEMBERS]

    assert {(project["version"], project["license"]) for project in projects} == {("0.1.0", "Apache-2.0")}


def test_make_installs_every_member() -> None:
    (line,) = re.findall(r"^MEMBERS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert sorted(line.replace("\\", "").split()) == sorted(str(member.relative_to(ROOT)) for member in MEMBERS)


def test_the_lock_has_a_hash_for_everything_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()

    assert "://" not in lock
    for requirement in re.split(r"\n(?=\w)", lock):
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]


@pytest.mark.parametrize(
    ("paper", "names"),
    [
        ("README.md", Settings.model_fields.keys() - DoorSettings.model_fields.keys()),
        ("docs/security.md", DoorSettings.model_fields.keys()),
    ],
)
def test_the_settings_tables_are_the_settings(paper: str, names: Collection[str]) -> None:
    table = re.findall(
        r"^\| `(BATON_\w+)` \| .* \|.*\|", (ROOT / paper).read_text().partition("## Settings")[2], re.MULTILINE
    )

    assert table == [f"BATON_{name.upper()}" for name in Settings.model_fields if name in names]


@pytest.mark.parametrize(
    "paper",
    [
        "README.md",
        "docs/operations.md",
        "docs/security.md",
        "deploy/compose/compose.yaml",
        "deploy/kubernetes/settings.env",
    ],
)
def test_every_setting_that_is_named_exists(paper: str) -> None:
    named = set(re.findall(r"BATON_\w+", (ROOT / paper).read_text()))

    assert named - {f"BATON_{name.upper()}" for name in Settings.model_fields} <= {"BATON_API_KEY"}  # the client's


def test_migrations_are_numbered_from_1_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in MIGRATIONS.glob("*.sql"))

    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_every_service_is_deployed_everywhere() -> None:
    """An image, a compose service and a Deployment for each; the command has an image and a compose service, too."""
    stages = re.findall(r"^FROM runtime AS service-(\S+)$", (DEPLOY / "images/Dockerfile").read_text(), re.MULTILINE)
    composed = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
    deployed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]

    assert sorted(stages) == sorted([*SERVICES, "cli"])
    built = [one["build"]["args"]["SERVICE"] for one in composed.values() if "build" in one]
    assert sorted(built) == sorted(stages)
    assert set(SERVICES) <= {Path(name).stem for name in deployed}


def test_the_papers_link_to_files_that_exist() -> None:
    for paper in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", paper.read_text()):
            assert (paper.parent / link).exists(), f"{paper.name} links to {link}"
