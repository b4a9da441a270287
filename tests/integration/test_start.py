"""Starting a service whose servers are not there yet."""

from pathlib import Path

from support.services import Processes, free_port
from support.waiting import eventually


async def test_a_service_that_waits_for_its_servers_ends_when_it_is_told_to(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    servers = {"BATON_DATABASE_URL": f"postgresql://baton@{nowhere}/baton", "BATON_AMQP_URL": f"amqp://{nowhere}/"}
    processes = Processes(tmp_path, servers)
    processes.start("baton_hitl")

    async def waits() -> bool:
        return "waiting_for_postgresql" in processes.output()

    try:
        await eventually(waits)
    finally:
        statuses = processes.stop()
    assert statuses == [0], processes.output()
