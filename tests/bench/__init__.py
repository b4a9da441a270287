"""What the log and the gateway cost, each figure beside its floor: `python -m bench.log`, `python -m bench.api`."""
