"""The audit in PostgreSQL: partitions by month, to which rows are only ever added, and the seals over them.

docs/adr/0019-audit.md
"""
