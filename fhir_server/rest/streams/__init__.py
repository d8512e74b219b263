"""Answers that stay open: server-sent events and WebSockets, bounded, watched over and ended as one.

docs/adr/0025-streams.md
"""
