"""Run the command: `python -m baton_cli`."""

from baton_cli.main import app

if __name__ == "__main__":
    app(prog_name="baton")
