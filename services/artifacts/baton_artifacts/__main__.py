"""Run the artifacts service: `python -m baton_artifacts`."""

from baton_artifacts.service import ArtifactsService
from baton_runtime.host import run_process

if __name__ == "__main__":
    run_process(ArtifactsService())
