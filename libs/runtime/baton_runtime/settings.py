"""Settings of every service, from `BATON_*` environment variables; an empty URL counts as unset."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from baton_runtime.door_settings import DoorSettings

_KEY_LENGTH: Final = 16
_STORES: Final = ("file", "s3", "gs", "az", "memory")


class UnfitSettings(Exception):
    """A setting cannot be used; the message names its variable and shows no secret."""


def _database(url: SecretStr) -> SecretStr:
    if url and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("it must read postgresql://user:password@host:port/database")
    return url


def _broker(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if url and (parts.scheme not in {"amqp", "amqps"} or not parts.hostname):
        raise ValueError("it must read amqp://user:password@host:port/vhost, or amqps://")
    return url


def _store(url: str) -> str:
    if url and urlsplit(url).scheme not in _STORES:
        raise ValueError("it must begin with file:, s3:, gs: or az:")
    return url


def _key(key: SecretStr) -> SecretStr:
    if len(key) < _KEY_LENGTH:
        raise ValueError(f"it must have at least {_KEY_LENGTH} characters")
    return key


Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]


class Settings(DoorSettings):
    """What a deployment decides; every default suits a laptop."""

    database_url: Annotated[SecretStr, AfterValidator(_database)] | None = Field(
        default=None, description="PostgreSQL; without it `baton` embeds one"
    )
    amqp_url: Annotated[SecretStr, AfterValidator(_broker)] | None = Field(
        default=None, description="RabbitMQ; without it one process is all there is"
    )
    core_path: Path | None = Field(default=None, description="the .bmad-core folder; else the nearest one is taken")
    data_dir: Path = Field(default=Path(".baton"), description="where the embedded database and the bundles live")
    store_url: Annotated[str, AfterValidator(_store)] | None = Field(
        default=None, description="object store (file:, s3:, gs:, az:); else in data_dir"
    )
    host: str = Field(default="127.0.0.1", description="address that the gateway listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="port of the gateway; 0 takes a free one")
    runner_concurrency: int = Field(default=64, ge=1, description="tasks that one agent-runner works on at once")
    log_key: Annotated[SecretStr, AfterValidator(_key)] | None = Field(
        default=None, description="seals the log; keep it away from the database, and do not lose it"
    )
    log_level: Level | None = Field(default=None, description="else INFO, and WARNING where a person reads the log")

    def bundle_store(self) -> str:
        """Return the URL of the object store that holds the bundles."""
        return self.store_url or (self.data_dir.absolute() / "bundles").as_uri()


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - whatever an option gave: it is validated
    """Return the environment's settings, and what is given instead of them (None: nothing). Raises `UnfitSettings`."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(
            f"BATON_{str(fault['loc'][0]).upper()}: {fault.get('ctx', {}).get('error', fault['msg'])}"
            for fault in error.errors(include_input=False)
        )
    raise UnfitSettings(f"The settings do not fit: {wrong}. Correct the environment variable or the option.")
