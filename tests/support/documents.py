"""The code blocks of the documentation, and what they print with the figures masked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = ("docs/reference/", "warehouse/README.md")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "bench/README.md",
        *ROOT.glob("docs/**/*.md"),
    )
    if not str(path.relative_to(ROOT)).startswith(GENERATED)
)

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    note
        The comment on the line before: `not run: why`, or `output of: command`.

    """

    document: str
    line: int
    language: str
    text: str
    note: str

    @property
    def name(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why the block is not run; None if it is."""
        return self.note.removeprefix("not run: ") if self.note.startswith("not run: ") else None


def blocks(*languages: str) -> list[Block]:
    """All blocks of some languages, in the order of the documents."""
    return [block for name in DOCUMENTS for block in _of_document(name) if block.language in languages]


def _of_document(name: str) -> Iterator[Block]:
    text = (ROOT / name).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        yield Block(name, line, found["language"], found["text"], found["note"] or "")


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, and what is printed below each."""
    found: list[tuple[str, str]] = []
    open_quote = False
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif open_quote or (found and not found[-1][1] and found[-1][0].endswith("\\")):
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        else:
            command, printed = found[-1]
            found[-1] = (command, f"{printed}{line}\n")
        open_quote = bool(found) and not found[-1][1] and found[-1][0].count('"') % 2 == 1
    return found


def masked(text: str) -> list[str]:
    """Lines with figures masked, and spaces and rules of any length as one."""
    lines = []
    for line in text.splitlines():
        plain = re.sub(r"[+-]?\d[\d.,]*", "#", line)
        plain = re.sub(r"([ ─━═])\1+", r"\1", plain)
        if plain.strip():
            lines.append(plain.strip())
    return lines
