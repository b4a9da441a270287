"""Run the orchestrator: `python -m baton_orchestrator`."""

from baton_orchestrator.service import OrchestratorService
from baton_runtime.host import run_process

if __name__ == "__main__":
    run_process(OrchestratorService())
