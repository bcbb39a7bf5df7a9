"""Settings: what the environment may say, and what is said about a bad value."""

import pytest
from sqlalchemy import URL, make_url

from src.settings import Settings, SettingsError, load_settings

VARIABLES = {"DATABASE_URL"} | {
    f"VITALYST_{name.upper()}" for name in Settings.model_fields if name != "database_url"
}


def test_defaults_run_an_embedded_database_without_imports() -> None:
    settings = load_settings()
    assert settings.database_url == make_url("sqlite:///vitalyst.db")
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.import_token is None
    assert settings.cors_origins == ()


def test_everything_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DATABASE_URL": "sqlite:////data/graph.db",
        "VITALYST_HOST": "0.0.0.0",  # noqa: S104 - not bound, only read
        "VITALYST_PORT": "0",
        "VITALYST_GRACEFUL_SHUTDOWN_SECONDS": "5",
        "VITALYST_LOG_LEVEL": "DEBUG",
        "VITALYST_CORS_ORIGINS": "https://a.example, https://b.example,",
        "VITALYST_IMPORT_TOKEN": "sixteen letters.",
        "VITALYST_IMPORT_BYTES_MAX": "10",
        "VITALYST_IMPORT_ROWS_MAX": "20",
    }
    assert values.keys() == VARIABLES
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.import_token
    assert settings.import_token.get_secret_value() == "sixteen letters."
    assert "sixteen" not in repr(settings)
    assert (settings.import_bytes_max, settings.import_rows_max) == (10, 20)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://u:p@host:5433/db?sslmode=require")
    assert load_settings().database_url == URL.create(
        "postgresql+psycopg", "u", "p", "host", 5433, "db", {"sslmode": "require"}
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATABASE_URL", "hunter2", "must be a URL such as"),
        ("DATABASE_URL", "mysql://u:hunter2@host/db", "must begin with sqlite:// or postgresql://"),
        ("DATABASE_URL", "sqlite://", "must name a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("VITALYST_PORT", "65536", "less than or equal to 65535"),
        ("VITALYST_PORT", "http", "valid integer"),
        ("VITALYST_GRACEFUL_SHUTDOWN_SECONDS", "0", "greater than or equal to 1"),
        ("VITALYST_LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("VITALYST_IMPORT_TOKEN", "hunter2", "at least 16"),
        ("VITALYST_IMPORT_ROWS_MAX", "-1", "greater than or equal to 1"),
    ],
)
def test_bad_value_is_named_but_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name}: ")
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITALYST_PORT", "x")
    monkeypatch.setenv("VITALYST_LOG_LEVEL", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    names = {line.partition(":")[0] for line in str(caught.value).splitlines()}
    assert names == {"VITALYST_PORT", "VITALYST_LOG_LEVEL"}
