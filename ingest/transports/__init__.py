"""Where readings arrive: one module per protocol.

docs/ingest.md
"""
