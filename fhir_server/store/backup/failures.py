"""What can go wrong with a backup, in words for the operator.

https://www.postgresql.org/docs/18/backup-dump.html
"""

from fhir_server.errors import OperatorError


class BackupFailed(OperatorError):
    """There is no backup; nothing is left at its place."""


class RestoreFailed(OperatorError):
    """The database is as it was before."""
