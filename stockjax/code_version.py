"""What code produced a number: the release and a fingerprint of the sources."""

import hashlib
from functools import cache
from pathlib import Path

from stockjax import __version__


@cache
def code_version() -> str:
    """The release, then twelve hex digits over every Python and SQL file of the package.

    Two installations print the same text exactly when they run the same code, with or
    without a version-control checkout at hand.
    """
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".sql"}:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
