"""Settings of the service, read from the environment and checked when it starts."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


class SettingsError(Exception):
    """The environment has values that the service cannot run with; the text names each."""


class Settings(BaseSettings):
    """Everything that can be set, by environment variables of the same name with ``VITALYST_``.

    ``DATABASE_URL`` alone has no prefix, because it is the name that platforms use.
    """

    model_config = SettingsConfigDict(
        env_prefix="VITALYST_", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    database_url: Annotated[URL, NoDecode] = Field(
        default="sqlite:///vitalyst.db", validate_default=True, validation_alias="DATABASE_URL"
    )
    """SQLite file or PostgreSQL database."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes any free one, which the log tells."""

    graceful_shutdown_seconds: int = Field(default=20, ge=1, le=3600)
    """How long requests in flight may go on after SIGTERM."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call the API from a browser, separated by commas."""

    import_token: SecretStr | None = Field(default=None, min_length=16)
    """Bearer token of the import endpoints; without one they are switched off."""

    import_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1)
    """Largest file that can be imported, in bytes."""

    import_rows_max: int = Field(default=20_000, ge=1)
    """Largest file that can be imported, in rows without the header."""

    @field_validator("database_url", mode="before")
    @classmethod
    def _check_database_url(cls, value: object) -> URL:
        try:
            url = make_url(str(value))
        except ArgumentError:
            message = "must be a URL such as postgresql://user:password@host/name"
            raise ValueError(message) from None
        backend = url.get_backend_name()
        if backend in {"postgres", "postgresql"}:
            return url.set(drivername="postgresql+psycopg")
        if backend != "sqlite":
            message = "must begin with sqlite:// or postgresql://"
            raise ValueError(message)
        if url.database in {None, "", ":memory:"}:
            message = "must name a file: each connection would see an empty database of its own"
            raise ValueError(message)
        return url

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: with a line for each bad variable, but no values: some are secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{_variable(e['loc'])}: {e['msg']}" for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"VITALYST_{name}".upper()
