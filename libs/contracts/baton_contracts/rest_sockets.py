"""What the gateway answers about sockets."""

from pydantic import BaseModel


class SocketTicket(BaseModel):
    """What opens one socket, as `?ticket=`, within so many seconds."""

    ticket: str
    expires_in: int
