"""Run an agent-runner: `python -m baton_agent_runner`."""

from baton_agent_runner.service import AgentRunnerService
from baton_runtime.host import run_process

if __name__ == "__main__":
    run_process(AgentRunnerService())
