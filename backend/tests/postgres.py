"""A private PostgreSQL server for the tests: a fresh cluster in a temporary folder, no TCP port."""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL

_USER = "vitalyst"


class PostgresMissingError(Exception):
    """The programs of PostgreSQL are not on this machine."""


class Cluster:
    """A running server; makes databases on request."""

    def __init__(self, socket_directory: Path) -> None:
        self._host = str(socket_directory)
        self._made = 0

    def create_database(self, template: URL | None = None) -> URL:
        """Make a database of its own for one test, empty or as a copy of ``template``."""
        self._made += 1
        name = f"test_{self._made}"
        source = template.database if template else "template0"
        with psycopg.connect(
            host=self._host, user=_USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{source}"'.encode())
        return URL.create(
            "postgresql+psycopg", username=_USER, database=name, query={"host": self._host}
        )


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a server, and stop it with everything that it stored.

    Raises:
        PostgresMissingError: it is not installed.
    """
    binaries = _binaries()
    # Not pytest's folder: the path of a Unix socket may have no more than about 100 bytes.
    root = Path(tempfile.mkdtemp(prefix="vitalyst-pg-"))
    data = root / "data"
    owner = _unprivileged_user()
    if owner:
        shutil.chown(root, owner)

    def run(program: str, *arguments: str) -> None:
        log = root / f"{program}.log"
        with log.open("w") as output:
            result = subprocess.run(
                [binaries / program, "-D", data, *arguments],
                user=owner,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode:
            raise RuntimeError(f"{program} failed:\n{log.read_text()}")

    try:
        run("initdb", "--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
        # The data outlive no test, so the server need not wait for the disk.
        settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", "autovacuum=off")
        # pg_ctl has a shell read them, and the folder may have a space in its path.
        folder = shlex.quote(str(root))
        options = " ".join([f"-k {folder}", *(f"-c {setting}" for setting in settings)])
        run("pg_ctl", "--wait", "--log", str(root / "server.log"), "--options", options, "start")
        try:
            yield Cluster(root)
        finally:
            run("pg_ctl", "--wait", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(root)


def _binaries() -> Path:
    # Debian keeps the server's programs off the PATH, one folder a version.
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    on_path = [Path(entry) for entry in os.get_exec_path()]
    for folder in newest_first + on_path:
        if all((folder / program).exists() for program in ("initdb", "pg_ctl")):
            return folder
    raise PostgresMissingError("PostgreSQL's initdb and pg_ctl are neither installed nor on PATH")


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    # PostgreSQL refuses to run as root.
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)
