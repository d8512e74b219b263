"""What authorization needs kept for it, on PostgreSQL: apps, grants, tokens, keys, accounts, sessions.

docs/adr/0018-authorization-server.md
"""
