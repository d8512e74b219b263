"""Many resources at once: files into the database.

https://hl7.org/fhir/uv/bulkdata/STU2/

    source   files and folders -> resources, each with its place
    bundle   the resources of a Bundle, their links to each other made to last
    write    many resources in one transaction: created, updated or left alone
    resume   how far a load has come, so that the next run goes on there
    load     all of these, as one run
"""
