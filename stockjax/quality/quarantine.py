"""Rows on record for a check, word for word as they were delivered."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.quality.calendar_checks import Integers
from stockjax.quality.row_checks import CHECKS
from stockjax.sources.protocol import PRICE_COLUMNS

REFUSED_COLUMNS = ["ticker", "session", "reason", "severity", "row"]

_Texts = npt.NDArray[np.object_]


def quarantined_rows(
    prices: pd.DataFrame, raw: pd.Series | None, position: Integers, check: Integers, missing: Integers
) -> pd.DataFrame:
    """One row, columns `REFUSED_COLUMNS`, per finding: a position in `prices` and one in `CHECKS`, (k,) each.

    `row` is JSON text: what the vendor wrote where `raw` (n,) has it, else the row of
    `prices` (n). Where the finding is about missing sessions, `missing` (n,) is added to it.
    """
    order = np.lexsort((check, position))
    position, check = position[order], check[order]
    reasons = np.array([item.name for item in CHECKS], dtype=object)[check]
    severities = np.array([item.severity for item in CHECKS], dtype=object)[check]
    found = prices.iloc[position].reset_index(drop=True)
    texts = _texts(found, None if raw is None else raw.iloc[position])
    gaps = np.flatnonzero(reasons == "missing_sessions")
    counts = missing[position[gaps]]
    texts[gaps] = [
        _with_missing_sessions(text, count) for text, count in zip(texts[gaps], counts, strict=True)
    ]
    return _records(found, reasons, severities, texts)


def reject_all(prices: pd.DataFrame, reason: str) -> pd.DataFrame:
    """All rows of a delivery, with `raw` or without, rejected for one reason; columns `REFUSED_COLUMNS`."""
    rows = prices.reset_index(drop=True)
    reasons, severities = (np.full(len(rows), text, dtype=object) for text in (reason, "reject"))
    return _records(rows, reasons, severities, _texts(rows, rows.get("raw")))


def _records(rows: pd.DataFrame, reasons: _Texts, severities: _Texts, texts: _Texts) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticker": rows["ticker"].astype(str),
            "session": rows["session"],
            "reason": pd.Series(reasons, dtype=str),
            "severity": pd.Series(severities, dtype=str),
            "row": pd.Series(texts, dtype=str),
        },
        columns=REFUSED_COLUMNS,
    )


def _texts(rows: pd.DataFrame, raw: pd.Series | None) -> _Texts:
    """JSON of each row, (n,): its own of `raw`, or that of its typed columns."""
    if rows.empty:
        return np.empty(0, dtype=object)
    lines = rows[list(PRICE_COLUMNS)].to_json(orient="records", lines=True, date_format="iso")
    # JSON escapes every line break within a text.
    texts = np.array(lines.removesuffix("\n").split("\n"), dtype=object)
    return texts if raw is None else np.where(raw.notna(), raw.to_numpy(dtype=object), texts)


def _with_missing_sessions(text: str, count: int) -> str:
    """The JSON text with one more key in front; its own keys stay as the vendor wrote them."""
    added = f'"missing_sessions":{count}'
    inner = text.strip()
    if not (inner.startswith("{") and inner.endswith("}")):
        return f'{{{added},"row":{text}}}'
    rest = inner[1:].lstrip()
    return f"{{{added}{rest if rest == '}' else ',' + rest}"
