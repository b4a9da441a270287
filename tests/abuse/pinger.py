"""Asks a gateway who its agents are, again and again, and says in the end how long the longest answer took.

It is known there (by the headers that it is given), so that it may go on asking on one connection.

It says a word when it has begun. It is a program of its own, so that whoever sends bad inputs does not slow it down.
What either process waited for a core meanwhile (which the kernel counts) is not the gateway's doing, and is left out.
"""

import re
import select
import socket
import sys
import time
from pathlib import Path

_PAUSE = 0.005


def ping(port: int, pid: int, headers: str) -> float:
    """Ask until standard input ends; return the longest that an answer took, in seconds."""
    asked = f"GET /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
    longest = 0.0
    print("asking", flush=True)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        while not select.select([sys.stdin], [], [], _PAUSE)[0]:
            waited, begun = _waited(pid), time.perf_counter()
            connection.sendall(asked)
            answer = _read(connection)
            taken = time.perf_counter() - begun - (_waited(pid) - waited)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"no answer: {answer[:200]!r}")
            longest = max(longest, taken)
    return longest


def _read(connection: socket.socket) -> bytes:
    """Return a whole answer, as its length is told."""
    answer = connection.recv(65_536)
    length = re.search(rb"\r\nContent-Length: (\d+)\r\n", answer)
    while length and len(answer.partition(b"\r\n\r\n")[2]) < int(length[1]):
        answer += connection.recv(65_536)
    return answer


def _waited(pid: int) -> float:
    """Return how long the main thread of a process, and this one, were ready to run and had no core, in seconds."""
    return sum(int(Path(f"/proc/{one}/schedstat").read_text().split()[1]) for one in (pid, "self")) / 1e9


if __name__ == "__main__":
    print(ping(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
