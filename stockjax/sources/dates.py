"""Days as they are written in files."""

import re

import pandas as pd

from stockjax.errors import InvalidDataError

_YEAR_FIRST = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)")
_MONTHS = 12


def read_days(dates: pd.Series) -> pd.Series:
    """Days (datetime64[s]) in the zone of the exchange, whatever zone is written with them.

    A day is written year first, or year last; in the latter case day and month must come in
    one order throughout, which is settled by the days after the 12th. What is no date is NaT.

    Raises
    ------
    InvalidDataError
        The order of day and month changes within the file, or is ambiguous.

    Example
    -------
    >>> read_days(pd.Series(["13/02/2013", "01/03/2013"])).dt.strftime("%Y-%m-%d").tolist()
    ['2013-02-13', '2013-03-01']

    """
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(dates):
        days: pd.Series = dates.dt.normalize().astype("datetime64[s]")
        return days
    texts = dates.astype(str).str.strip()
    year_first = texts.str.extract(rf"^{_YEAR_FIRST.pattern}")
    year_last = texts.str.extract(rf"^{_YEAR_LAST.pattern}")
    order = ["day", "month", "year"] if _day_comes_first(year_last) else ["month", "day", "year"]
    year_last.columns = order
    year_first.columns = ["year", "month", "day"]
    parts = year_first.fillna(year_last[["year", "month", "day"]])
    written = parts["year"] + "-" + parts["month"].str.zfill(2) + "-" + parts["day"].str.zfill(2)
    return pd.to_datetime(written, errors="coerce", format="%Y-%m-%d").astype("datetime64[s]")


def _day_comes_first(parts: pd.DataFrame) -> bool:
    found = parts.dropna()
    if found.empty:
        return False
    first, second = found[0].astype(int).max(), found[1].astype(int).max()
    if first > _MONTHS and second > _MONTHS:
        raise InvalidDataError("its dates have the day now before and now after the month; write 2013-03-01")
    if first <= _MONTHS and second <= _MONTHS:
        raise InvalidDataError("its dates do not tell the day from the month; write 2013-03-01")
    return bool(first > _MONTHS)
