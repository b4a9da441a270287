"""What the log costs, each figure beside its floor in the same run: `python -m bench.log`."""
