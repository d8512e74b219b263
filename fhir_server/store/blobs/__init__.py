"""Large contents outside the database, each named by its SHA-256: in a folder, or in a bucket of an S3-compatible store.

docs/adr/0016-blobs.md
"""
