"""Run the hitl service: `python -m baton_hitl`."""

from baton_hitl.service import HitlService
from baton_runtime.host import run_process

if __name__ == "__main__":
    run_process(HitlService())
