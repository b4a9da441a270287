"""As whom PostgreSQL runs: it refuses root, and initdb refuses a user id that has no name.

A plain user with a name runs it as it is. Anyone else enters a user namespace of its own (`unshare`), in which it
looks like `postgres` or `nobody` while its files stay the caller's: nothing is created or opened up on the machine,
and data under a home closed to others works. Where namespaces are off, root becomes that account for the children
alone; what they must read is then given to it, or copied to where it can reach it.
"""

import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from baton_cli.postgres_binaries import Binaries, EmbeddedPostgresError
from baton_cli.tied_process import OURSELVES, Account, runs

_PREFERRED = ("postgres", "nobody")
_STATE = Path("/var/lib/baton")


@dataclass(frozen=True)
class Identity:
    """How to start a process that PostgreSQL accepts: words before the command, and the account to become."""

    prefix: tuple[str, ...] = ()
    account: Account = OURSELVES


def choose() -> Identity:
    """Choose how PostgreSQL runs for the present user, or raise `EmbeddedPostgresError` where nothing can."""
    named = _has_name(os.geteuid())
    if os.geteuid() != 0 and named:
        return Identity()
    account = _account()
    mapped = ("unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}", "--")
    if runs(*mapped, "true"):
        return Identity(prefix=mapped)
    if os.geteuid() == 0:
        return Identity(account=Account(account.pw_uid, account.pw_gid, ()))
    raise EmbeddedPostgresError(
        f"The user id {os.geteuid()} has no name in the password database, and user namespaces are off: PostgreSQL "
        "will not start like this. Give the user a name, or set BATON_DATABASE_URL to a server of your own."
    )


def settle(identity: Identity, directory: Path) -> Path:
    """Give the folder for all that PostgreSQL itself must reach: `directory/cluster`, made if it is not there.

    When the account cannot get into `directory` (root's home is closed to others), `cluster` becomes a symbolic
    link to a folder under /var/lib/baton: no parent directory is ever opened up.
    """
    cluster = directory / "cluster"
    if not cluster.exists():
        cluster.unlink(missing_ok=True)
        cluster.mkdir(mode=0o700)
        give(identity, cluster)
        if not _reaches(identity, cluster):
            cluster.rmdir()
            cluster.symlink_to(_elsewhere(identity))
    if not _reaches(identity, cluster.resolve()):
        raise EmbeddedPostgresError(
            f"{cluster.resolve()} is closed to the user that PostgreSQL runs as. It was probably made by another "
            "user: start Baton as that user, or choose another data directory."
        )
    return cluster.resolve()


def bring(identity: Identity, binaries: Binaries, home: Path) -> Binaries:
    """Give the binaries that the account can run: the found ones, or a copy of them under `home`."""
    if runs(*identity.prefix, binaries.program("postgres"), "--version", account=identity.account):
        return binaries
    copy = home / f"postgresql-{binaries.version}"
    if not copy.exists():
        unfinished = home / "postgresql.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        _copy_wheel(binaries.folder.parents[1], unfinished)
        unfinished.rename(copy)
    return Binaries(copy.joinpath(*binaries.folder.parts[-3:]), binaries.version)


def give(identity: Identity, path: Path) -> None:
    """Make `path` belong to the account that PostgreSQL runs as, where that is not ourselves."""
    if identity.account.user is not None and identity.account.group is not None:
        os.chown(path, identity.account.user, identity.account.group)


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the package and, beside it, the wheel's own libraries, which its programs find by relative path."""
    shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    target.chmod(0o755)


def _elsewhere(identity: Identity) -> Path:
    _STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=_STATE))
    give(identity, folder)
    return folder


def _has_name(user_id: int) -> bool:
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return False
    return True


def _account() -> pwd.struct_passwd:
    """Choose an account that exists: initdb looks the name up and fails on a user id without one."""
    everyone = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in (*_PREFERRED, *everyone):
        if name in everyone:
            return everyone[name]
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and no other account exists here. Add one (useradd baton)."
    )


def _reaches(identity: Identity, folder: Path) -> bool:
    words = ("test", "-w", str(folder), "-a", "-x", str(folder))
    return runs(*identity.prefix, *words, account=identity.account)
