"""The live view: what is measured of a patient, and whether their devices are heard of, as it happens.

docs/live.md; docs/adr/0025-streams.md
"""
