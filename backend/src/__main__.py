"""Command line: ``python -m src serve|migrate|seed|openapi``.

Settings come from the environment.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from src.domain.errors import GraphError
from src.logs import configure_logging
from src.main import describe, migrate, seed, serve
from src.settings import SettingsError, load_settings

_COMMANDS = {"serve": serve, "migrate": migrate, "seed": seed, "openapi": describe}

_log = logging.getLogger("src")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it is done, 1 when it failed, 2 when the environment is not usable.
    """
    parser = argparse.ArgumentParser(prog="python -m src", description=__doc__)
    parser.add_argument(
        "command", nargs="?", default="serve", choices=_COMMANDS, help="default: %(default)s"
    )
    command = parser.parse_args(arguments).command
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"error: the environment is not usable\n{error}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    try:
        _COMMANDS[command](settings)
    except (GraphError, SQLAlchemyError) as error:
        _log.error("%s failed: %s", command, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
