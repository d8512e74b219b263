"""Files that devices wrote, beside the project: tests that read them are skipped where they are not there."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "data"

needs_real_input = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the files that devices wrote are not beside the project ({FOLDER.name})"
)
