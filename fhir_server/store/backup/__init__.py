"""Backup and restore of the whole database, online and checked.

https://www.postgresql.org/docs/18/backup-dump.html

    manifest   what a backup says about itself
    counts     the tables of a database and their rows
    contents   what lies outside the database, copied along
    programs   PostgreSQL's own programs, of a version that fits the server
    dump       backup: a consistent snapshot of a running database, whole or not at all
    restore    restore: a backup into a database, verified before it is committed
"""

from fhir_server.store.backup.dump import backup
from fhir_server.store.backup.failures import BackupFailed, RestoreFailed
from fhir_server.store.backup.manifest import Manifest
from fhir_server.store.backup.restore import restore

__all__ = ["BackupFailed", "Manifest", "RestoreFailed", "backup", "restore"]
