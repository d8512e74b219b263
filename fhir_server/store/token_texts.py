"""The distinct texts that tokens stand for, so that a search by the beginning of a text finds the tokens.

https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Sequence

import psycopg

from fhir_server.store.arrays import bigints, integers, texts
from fhir_server.store.rows import ParamText


async def keep_texts(connection: psycopg.AsyncConnection, new: Sequence[ParamText]) -> None:
    """Keeps those that are not there; give them sorted, so that no two transactions wait for each other."""
    await connection.execute(
        """INSERT INTO token_text (token, place, param, folded)
           SELECT * FROM unnest(%b, %b, %b, %b) ON CONFLICT DO NOTHING""",
        (
            bigints([text.token for text in new]),
            integers([text.place for text in new]),
            integers([text.param for text in new]),
            texts([text.folded.encode() for text in new]),
        ),
    )
