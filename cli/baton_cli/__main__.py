"""Run the command: `baton`, or `python -m baton_cli`.

Before anything heavy is imported, Ctrl-C ends the process without a word: there is nothing to put away yet.
"""

import os
import signal


def main() -> None:
    """Run the command of the command line, and exit."""
    signal.signal(signal.SIGINT, lambda number, _: os._exit(128 + number))
    from baton_cli.main import app  # noqa: PLC0415 (after the handler)

    try:
        app(prog_name="baton")
    finally:  # all is put away, and the interpreter's own end would give Ctrl-C its default back: death by a signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
