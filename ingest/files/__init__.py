"""Files that devices wrote: told apart by format, read unit by unit, taken in through the pipeline.

docs/ingest.md, "Files"; a new format implements `format.Format` and is listed in `formats.FORMATS`.
"""
