"""Settings of every service, from `BATON_*` environment variables."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a deployment decides; every default suits a laptop."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    database_url: SecretStr | None = Field(default=None, description="PostgreSQL; without it `baton` embeds one")
    amqp_url: SecretStr | None = Field(default=None, description="RabbitMQ; without it one process is all there is")
    core_path: Path | None = Field(default=None, description="the .bmad-core folder; else the nearest one is taken")
    data_dir: Path = Field(default=Path(".baton"), description="where the embedded database and the bundles live")
    store_url: str | None = Field(default=None, description="object store (file:, s3:, gs:, az:); else in data_dir")
    host: str = Field(default="127.0.0.1", description="address that the gateway listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="port of the gateway; 0 takes a free one")
    runner_concurrency: int = Field(default=64, ge=1, description="tasks that one agent-runner works on at once")
    log_key: SecretStr | None = Field(
        default=None, min_length=16, description="seals the log; keep it away from the database, and do not lose it"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")

    def bundle_store(self) -> str:
        """Return the URL of the object store that holds the bundles."""
        return self.store_url or (self.data_dir.absolute() / "bundles").as_uri()
