"""What a terminal, or what stands in its place, can take."""

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager

_ERRORS = "stockjax.replace"


def replace_what_cannot_be_encoded() -> None:
    """Let standard output and error write what their encoding lacks in plain characters."""
    codecs.register_error(_ERRORS, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


@contextmanager
def output_may_be_cut() -> Generator[None]:
    """Go on where the program that reads the output has ended, as `head` does.

    What is printed after work is done does not decide how the work ended.
    """
    try:
        yield
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Rich raises SystemExit, whose exit code would be that of the command. Python flushes at its end,
        # and would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    return "".join(
        _PLAIN.get(character, character if character.isascii() else "?") for character in text
    ), error.end


_PLAIN = {
    "–": "-",
    "—": "-",
    "’": "'",
    "“": '"',
    "”": '"',
    "•": "*",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
}
