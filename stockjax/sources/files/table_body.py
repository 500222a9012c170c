"""The rows of a table: where they are, of which ticker each is, and which are none."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stockjax.errors import InvalidDataError
from stockjax.sources.files.cell_numbers import NOTHING, as_text, no_numbers
from stockjax.sources.files.containers import Sheet
from stockjax.sources.files.headings import Columns, find_table, understand
from stockjax.sources.files.headless import columns_without_headings
from stockjax.sources.files.known_formats import PRICES, plain
from stockjax.sources.files.line_layouts import HEAD_LINES

_ACTION = r"(?i)\b(?:dividend|stock splits?|capital gains?)\b"


@dataclass
class Body:
    """A table on its way: its cells, what its columns mean, and what there is to say about it."""

    sheet: Sheet
    cells: pd.DataFrame
    columns: Columns
    headings: tuple[tuple[str, ...], ...]
    remarks: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)


def locate(sheet: Sheet) -> Body:
    """Find headings and rows."""
    if sheet.headings is not None:
        columns = understand(sheet.headings)
        if sheet.cells.empty:
            raise InvalidDataError("it has headings and no rows; fill or remove it")
        return Body(sheet, sheet.cells.assign(part=0), columns, sheet.headings)
    lines = [[str(cell) for cell in row] for row in sheet.cells.head(HEAD_LINES).to_numpy()]
    table = find_table(lines)
    if table is None:
        known = columns_without_headings(sheet.cells)
        if known is None:
            return Body(sheet, sheet.cells, understand([(cell,) for cell in lines[0]]), ())
        headings = tuple((str(place + 1),) for place in range(sheet.cells.shape[1]))
        body = Body(sheet, sheet.cells.assign(part=0), known, headings)
        body.guesses.append("no headings: its columns are read in the order of that format")
        return body
    columns = understand(table.headings)
    rows = sheet.cells.iloc[table.first :]
    blank = (rows == "").all(axis=1)
    rows = rows[~blank]
    _refuse_more_cells(rows, table.headings)
    if rows.empty:
        raise InvalidDataError("it has headings and no rows; fill or remove it")
    rows = rows.reset_index(drop=True)
    return Body(
        sheet, pd.concat([rows, pd.Series(0, rows.index, name="part")], axis=1), columns, table.headings
    )


def _refuse_more_cells(rows: pd.DataFrame, headings: tuple[tuple[str, ...], ...]) -> None:
    """Refuse rows that go on where the headings have ended: no one knows which of their cells is which."""
    width = max(place for place, levels in enumerate(headings) if any(levels)) + 1
    longer = (rows.iloc[:, width:] != "").any(axis=1)
    if longer.any():
        cells = [str(cell) for cell in rows[longer].iloc[0] if cell]
        raise InvalidDataError(
            f"it has rows of more cells than its {width} headings (the first is of '{cells[0]}'); where a "
            "comma is the decimal separator, set cells apart by semicolons"
        )


def without_repeated_headings(body: Body) -> Body:
    """Without lines that repeat the headings; what follows one was written later."""
    place = next(iter(body.columns.tickers.values()))["close"]
    own = {plain(cell) for cell in body.headings[place] if cell.strip()}
    suspected = no_numbers(body.cells[place])
    repeated = suspected.index[suspected.map(plain).isin(own)]
    if len(repeated):
        numbers = pd.Series(0, index=body.cells.index)
        numbers.loc[repeated] = 1
        body.cells["part"] = numbers.cumsum()
        body.cells = body.cells.drop(index=repeated).reset_index(drop=True)
        body.guesses.append(f"headings repeated {len(repeated)} times")
    return body


def long_rows(body: Body) -> tuple[pd.Series, pd.DataFrame]:
    """The ticker of each row, and rows with columns by meaning; tickers side by side become rows."""
    shared = {meaning: body.cells[place] for meaning, place in body.columns.shared.items()}
    tables = []
    for ticker, group in body.columns.tickers.items():
        own = {meaning: body.cells[place] for meaning, place in group.items()}
        table = pd.DataFrame({**shared, **own}, copy=False)
        table["part"], table["row"] = body.cells["part"], body.cells.index
        if len(body.columns.tickers) > 1:
            # Each ticker has its own history, though all stand in the same lines.
            filled = table[list(PRICES)].apply(lambda cells: ~as_text(cells).str.lower().isin(NOTHING))
            table = table[filled.any(axis=1)]
        table["named"] = pd.Categorical.from_codes(np.zeros(len(table), dtype=np.int8), pd.Index([ticker]))
        tables.append(table)
    # A table of millions of rows is not copied to be joined with nothing.
    rows = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0].reset_index(drop=True)
    for double, used in body.columns.doubled.items():
        _refuse_different(body, double, used)
    return _tickers(body, rows), rows


def without_action_rows(body: Body, tickers: pd.Series, rows: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Without the lines that Yahoo's page has for dividends and splits, which its adjusted closes contain."""
    if "adj_close" not in rows:
        return tickers, rows
    texts = no_numbers(rows["open"])
    actions = texts.index[texts.str.contains(_ACTION, regex=True)] if len(texts) else texts.index
    if not len(actions):
        return tickers, rows
    body.remarks.append(
        f"{len(actions)} lines of dividends and splits are not used: adjusted closes contain them"
    )
    return tickers.drop(index=actions), rows.drop(index=actions)


def _refuse_different(body: Body, double: int, used: int) -> None:
    if not as_text(body.cells[double]).equals(as_text(body.cells[used])):
        meaning = next(
            (
                name
                for group in body.columns.tickers.values()
                for name, place in group.items()
                if place == used
            ),
            "",
        )
        raise InvalidDataError(f"it has two columns for {meaning} with different values; remove one")


def _tickers(body: Body, rows: pd.DataFrame) -> pd.Series:
    """The symbols as text, None where a cell is blank: from a column, the headings, or the file's name."""
    if "ticker" in rows and not _is_a_description(body, rows["ticker"]):
        places, cells = pd.factorize(rows["ticker"])
        # A text for each symbol, not for each row; the last one is of the rows without any.
        symbols = np.array([text or None for text in [*as_text(pd.Series(cells)), ""]], dtype=object)
        return pd.Series(symbols[places], index=rows.index)
    return rows["named"].astype(object).replace("", body.sheet.ticker)


def _is_a_description(body: Body, cells: pd.Series) -> bool:
    """Whether a column such as `Name` has words rather than symbols: the file's name is better then."""
    heading = plain(body.headings[body.columns.shared["ticker"]][0]) if body.headings else ""
    if heading not in ("name", "stock name", "company", "security", "index", "s"):
        return False
    texts = as_text(cells).unique()
    words = [text for text in texts if " " in text and not text.isupper()]
    return len(texts) == 1 and bool(words)


def written_rows(body: Body, rows: pd.DataFrame, unread: pd.Series) -> pd.Series:
    """What was written in rows with a cell that is no number or date, as JSON under their own headings."""
    raw = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    if not unread.any():
        return raw
    named = {
        place: " ".join(filter(None, levels)) or str(place) for place, levels in enumerate(body.headings)
    }
    lines = body.cells[list(named)].loc[rows.loc[unread, "row"]].astype(str).rename(columns=named)
    raw[unread] = [
        json.dumps(dict(zip(lines.columns, line, strict=True)), ensure_ascii=False)
        for line in lines.to_numpy()
    ]
    return raw
