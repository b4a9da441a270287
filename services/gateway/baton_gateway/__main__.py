"""Run the gateway: `python -m baton_gateway`."""

from baton_gateway.doorway import is_guarded
from baton_gateway.service import GatewayService
from baton_runtime.host import run_process

if __name__ == "__main__":
    run_process(GatewayService(), is_guarded)
