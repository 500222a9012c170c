"""Numbers as they are written in cells: signs of currency, separators, letters for thousands and millions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError

NOTHING = ("", ".", "nan", "null", "none", "<na>", "-", "--", "—", "n/a", "na", "#n/a", "nil")
"""How a cell without a value is written, in small letters."""

_FACTORS = {"k": 1e3, "tsd": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9, "mrd": 1e9, "t": 1e12}
_PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FACTOR = re.compile(rf"(.*\d)\s*({'|'.join(_FACTORS)})\.?", re.IGNORECASE | re.DOTALL)
_SPACE = r"\s\u00a0\u2007\u2009\u202f"
# Spaces and apostrophes among digits group them; elsewhere, as signs of currency, they say nothing.
_GROUPING = re.compile(rf"(?<=\d)[{_SPACE}'’](?=\d{{3}}(?!\d))")
_ORNAMENT = re.compile(
    rf"^[{_SPACE}'’$€£¥₹]+|[{_SPACE}'’$€£¥₹]+$|\b(?:USD|EUR|GBP|GBX|GBp|CHF|JPY|INR|CNY)\b"
)
_GROUPED = {
    ",": re.compile(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(\.\d*)?"),
    ".": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(,\d*)?"),
}
_STRAY = 0.05
"""Share of the cells that may have the other separator: they are errors of their rows, not of the file."""
_RATIO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?::|/|for|-for-)\s*(\d+(?:\.\d+)?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Numbers:
    """The numeric columns of a table, read.

    Attributes
    ----------
    columns
        For each column its values, float64, NaN where there is none.
    unread
        Rows with a cell that holds something else than a number, (n,) bool.
    decimal
        The decimal separator that all of them have.

    """

    columns: Mapping[str, pd.Series]
    unread: pd.Series
    decimal: str


def as_text(cells: pd.Series) -> pd.Series:
    """Cells as text without spaces around it; an empty text where there is no value.

    Example
    -------
    >>> as_text(pd.Series([" A ", None, 1.5])).tolist()
    ['A', '', '1.5']

    """
    missing = cells.isna().to_numpy()
    texts = [
        "" if nothing else str(cell).strip() for cell, nothing in zip(cells.tolist(), missing, strict=True)
    ]
    return pd.Series(texts, index=cells.index, dtype=object)


def no_numbers(cells: pd.Series) -> pd.Series:
    """Those of the cells that are text and do not read as a plain number, as text.

    Example
    -------
    >>> no_numbers(pd.Series(["1.5", " Close ", "$2"])).tolist()
    ['Close', '$2']

    """
    if pd.api.types.is_numeric_dtype(cells):
        return pd.Series([], dtype=object)
    return as_text(cells[pd.to_numeric(cells, errors="coerce").isna()])


def read_numbers(columns: Mapping[str, pd.Series]) -> Numbers:
    """Read the numeric columns of one table, whose cells have one decimal separator in common.

    Parameters
    ----------
    columns
        Text or numbers, by the name of the column, all (n,).

    Raises
    ------
    InvalidDataError
        The decimal separator changes, or a cell such as `1,234` leaves open which it is.

    Example
    -------
    >>> read_numbers({"close": pd.Series(["$1,006.19", "998"])}).columns["close"].tolist()
    [1006.19, 998.0]
    >>> read = read_numbers({"close": pd.Series(["430,47"]), "volume": pd.Series(["19,73M"])})
    >>> read.columns["volume"].tolist()
    [19730000.0]

    """
    index = next(iter(columns.values())).index
    read: dict[str, pd.Series] = {}
    texts: dict[str, pd.Series] = {}
    for name, cells in columns.items():
        if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
            read[name] = cells.astype(float)
            continue
        converted = pd.to_numeric(cells, errors="coerce").astype(float)
        read[name] = converted
        if converted.isna().any():
            left = as_text(cells[converted.isna()])
            left = left[~left.str.lower().isin(NOTHING)]
            if len(left):
                texts[name] = left
    unread = pd.Series(False, index=index)
    decimal = "."
    if texts:
        # Cells that read as numbers count too: 430.47 says that the point is the decimal separator.
        decimal = _decimal_separator(
            {name: columns[name].dropna().astype(str) for name in columns}, read, texts
        )
    for name in columns:
        if decimal == "," and not pd.api.types.is_numeric_dtype(columns[name]):
            # 19.730 reads as a number, and is not the one that was written.
            filled = as_text(columns[name].dropna())
            texts[name] = filled[~filled.str.lower().isin(NOTHING)]
            read[name] = pd.Series(np.nan, index=index)
        if name in texts:
            found = _numbers_of_texts(texts[name], decimal, ratios=name == "split")
            read[name] = read[name].where(~read[name].index.isin(found.index), found.reindex(index))
            unread |= found.reindex(index, fill_value=0.0).isna()
    return Numbers(read, unread, decimal)


def _decimal_separator(
    written: Mapping[str, pd.Series], read: Mapping[str, pd.Series], texts: Mapping[str, pd.Series]
) -> str:
    """The separator that the cells of prices prove; where they prove none, that of volumes."""
    prices = [name for name in written if name != "volume"]
    proofs, undecided = _proofs(written, read, texts, prices)
    if not proofs and "volume" in written:
        proofs, _ = _proofs(written, read, texts, ["volume"])
    if not proofs and undecided:
        plain = undecided.replace(",", "")
        raise InvalidDataError(
            f"'{undecided}' may be {plain} or {undecided.replace(',', '.')}; "
            "write it without a separator of thousands"
        )
    counts = {separator: count for separator, (_, count) in proofs.items()}
    if len(counts) > 1 and min(counts.values()) > _STRAY * sum(counts.values()):
        raise InvalidDataError(
            f"'{proofs['.'][0]}' has a decimal point and '{proofs[','][0]}' a decimal comma; "
            "write one of them throughout"
        )
    return max(counts, key=lambda separator: counts[separator], default=".")


def _proofs(
    written: Mapping[str, pd.Series],
    read: Mapping[str, pd.Series],
    texts: Mapping[str, pd.Series],
    names: Iterable[str],
) -> tuple[dict[str, tuple[str, int]], str]:
    """For each decimal separator that is proved the first cell and how many; and a cell that proves none."""
    proofs: dict[str, tuple[str, int]] = {}
    undecided = ""

    def add(separator: str, cell: str, count: int) -> None:
        first, counted = proofs.get(separator, (cell, 0))
        proofs[separator] = (first, counted + count)

    for name in names:
        for cell, count in texts.get(name, pd.Series(dtype=str)).value_counts(sort=False).items():
            plain = _without_factor(str(cell))[0]
            if separator := _proved_by(plain):
                add(separator, str(cell), int(count))
            elif "," in plain or "." in plain:
                undecided = undecided or str(cell)
        if read[name].notna().any() and not pd.api.types.is_numeric_dtype(written[name]):
            fractions = written[name].reindex(read[name].index[read[name].notna()])
            proof = fractions[fractions.str.contains(r"\.(?:\d{1,2}|\d{4,})$", regex=True, na=False)]
            if len(proof):
                add(".", str(proof.iloc[0]), len(proof))
    return proofs, undecided


def _proved_by(text: str) -> str:
    """The decimal separator that a cell proves: it stands last, stands alone, or cannot group digits."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma >= 0 and point >= 0:
        return "." if point > comma else ","
    if comma < 0 and point < 0:
        return ""
    separator, other = (",", ".") if comma >= 0 else (".", ",")
    if text.count(separator) > 1:
        return other if _GROUPED[separator].fullmatch(text) else ""
    return "" if _GROUPED[separator].fullmatch(text) else separator


def _without_factor(text: str) -> tuple[str, float]:
    """A text without ornaments, brackets and a letter for thousands or millions, and its factor."""
    plain = _ORNAMENT.sub("", _ORNAMENT.sub("", _GROUPING.sub("", text)))
    factor = 1.0
    if plain.startswith("(") and plain.endswith(")"):
        plain, factor = plain[1:-1], -1.0
    if found := _FACTOR.fullmatch(plain):
        plain, factor = found[1], factor * _FACTORS[found[2].lower()]
    return plain, factor


def _numbers_of_texts(texts: pd.Series, decimal: str, *, ratios: bool) -> pd.Series:
    """The values of cells that are not plain numbers; NaN where a cell is none. Each text is read once."""
    codes, distinct = pd.factorize(texts)
    values = np.array([_number(str(text), decimal, ratios=ratios) for text in distinct], dtype=float)
    return pd.Series(values[codes], index=texts.index)


def _number(text: str, decimal: str, *, ratios: bool) -> float:
    if ratios and (found := _RATIO.fullmatch(text)):
        return float(found[1]) / float(found[2]) if float(found[2]) else float("nan")
    plain, factor = _without_factor(text)
    grouping = "," if decimal == "." else "."
    if grouping in plain:
        if not _GROUPED[grouping].fullmatch(plain):
            return float("nan")
        plain = plain.replace(grouping, "")
    plain = plain.replace(decimal, ".")
    return factor * float(plain) if re.fullmatch(_PLAIN, plain) else float("nan")
