"""`python -m bench.api [--quick] [--only NAME,...]`: what the gateway does, beside its floors.

It runs and prints as `bench.log` does. Gateways, floors and clients are processes of their own.
"""

from collections.abc import Mapping
from typing import Final

from bench import fanning, idling, log, posting, reading, returning, telling

MEASURES: Final[Mapping[str, log.Measure]] = {
    "get": reading.measure,
    "post": posting.measure,
    "fanout": fanning.measure,
    "idle": idling.measure,
    "frame": telling.measure,
    "storm": returning.measure,
}

if __name__ == "__main__":
    log.main("bench.api", MEASURES)
