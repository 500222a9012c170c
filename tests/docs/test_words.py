"""The words that the glossary replaces are gone, but for the aliases and the columns of the contract."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator

import pytest

from tests.support.documents import ROOT

REPLACED = {
    "anew": "again, restart",
    "beside": "next to",
    "duel": "comparison",
    "gambler": "stake",
    "in force": "active",
    "let go": "deleted",
    "mend": "repair, correct",
    "mended": "repaired",
    "nobody": "no …",
    "passed over": "skipped",
    "somebody": "you, a user",
    "told": "message, report",
    "twin": "holdout network",
    "whoever": "the caller, a user",
}
"""Words, and what the glossary has instead."""

NAMES = {
    *(
        "Night",
        "Turn",
        "Knowledge",
        "Stretch",
        "History",
        "Pace",
        "Duel",
        "Verdict",
        "Tried",
        "Market",
        "Store",
    ),
    *(
        "say",
        "told",
        "put_in_force",
        "give_back",
        "asked_for",
        "survey",
        "learnt_from",
        "already_known",
        "altered",
    ),
    *("rederive", "turned_away", "on_record", "has_moved", "mend", "look_back", "outlook", "could_learn"),
    *("with_sessions", "complaints", "closed_if_it_fails", "for_the_page", "hush_at_exit", "make_readable"),
    *(
        "judge_base",
        "settle_challenger",
        "tidy_storage",
        "run_here",
        "UNSEEN",
        "AnotherRun",
        "Garbled",
        "Malformed",
    ),
    *("VendorDown", "NotFound", "Unreachable", "StatementRefused", "StatementStopped", "SearchUnreadable"),
    *("HistoryRefused", "descend", "twin", "when_busy", "failed_share", "at_once"),
}
"""Identifiers of release 0.1 that have better names."""

ALLOWED = {
    ("stockjax/settings/renamed.py", "when_busy"),
    ("stockjax/settings/renamed.py", "failed_share"),
    ("stockjax/registry/model.py", "twin"),  # the key in the files of every release
    ("docs/upgrades.md", "when_busy"),
}

NOT_READ = {"tests/docs/test_words.py", "docs/glossary.md"}

FOLDERS = (
    "stockjax",
    "flows",
    "docs",
    "bench",
    "tests",
    "warehouse",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
)
SUFFIXES = (".py", ".md", ".sql", ".j2", ".js", ".yaml", ".toml")


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        # A tree without its repository, as in an archive.
        return [str(path.relative_to(ROOT)) for name in FOLDERS for path in (ROOT / name).rglob("*")]
    return listed.stdout.splitlines()


FILES = [
    name for name in tracked() if name.endswith(SUFFIXES) and name not in NOT_READ and (ROOT / name).is_file()
]


FOLDERS_READ = sorted({name.rpartition("/")[0] for name in FILES})
_REPLACED = re.compile(rf"(?<![\w.`\"'/-])({'|'.join(REPLACED)})(?![\w(`\"'])", re.IGNORECASE)


def words_of(name: str) -> Iterator[str]:
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1):
        for word in (match.lower() for match in _REPLACED.findall(line)):
            if (name, word) not in ALLOWED:
                yield f"{name}, line {number}: {word} ({REPLACED[word]})"


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 250


@pytest.mark.parametrize("word", REPLACED)
def test_a_word_is_found_where_it_stands_alone(word: str) -> None:
    for line in (word, f"one {word}, two", f"{word.title()}.", f"({word.upper()})"):
        assert [found.lower() for found in _REPLACED.findall(line)] == [word]
    for line in (f"`{word}`", f"un{word}", f"{word}()", f"{word}_a", f"a-{word}"):
        assert _REPLACED.findall(line) == []


@pytest.mark.parametrize("folder", FOLDERS_READ)
def test_no_word_is_one_that_the_glossary_replaces(folder: str) -> None:
    there = [name for name in FILES if name.rpartition("/")[0] == folder]
    assert [found for name in there for found in words_of(name)] == []


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.endswith(".py") and not name.startswith("tests/")]
)
def test_no_name_is_one_of_the_old_ones(name: str) -> None:
    with (ROOT / name).open("rb") as file:
        tokens = list(tokenize.tokenize(io.BytesIO(file.read()).readline))
    found = {token.string for token in tokens if token.type == tokenize.NAME and token.string in NAMES}
    assert {each for each in found if (name, each) not in ALLOWED} == set()
