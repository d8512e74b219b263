"""What ingest needs kept, on PostgreSQL: devices, secrets, assignments, rates, seen requests, dead letters.

docs/ingest.md; each module implements one port of `ingest/ports.py`.
"""
