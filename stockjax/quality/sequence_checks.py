"""What a row looks like next to its neighbours, for all tickers at once."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from stockjax.quality.calendar_checks import Bools, Integers, TradingDays

Numbers = npt.NDArray[np.float64]

_IMPOSSIBLE_MOVE = np.log(3)
_IMPOSSIBLE_REST = 0.15
_SPIKE_MOVE = 0.25
_SPIKE_REST = 0.2
_JUMP_MOVE = 0.35
_JUMP_OF_FACTOR = np.log(1.2)
_FLAT_SESSIONS = 10

_SPLIT_RATIOS = np.log([5 / 4, 4 / 3, 3 / 2, 2, 5 / 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100])
_SPLIT_TOLERANCE = np.log(1.04)
_SAME_MOVE = np.log(1.02)
# A move of less is no rare event: it must fit more closely, and so must the volume.
_PLAIN_SPLIT = np.log(1.4)
_SMALL_SPLIT_TOLERANCE = np.log(1.02)
_SPLIT_VOLUME = np.log(1.5)
# So much of the size of a split the market may move on its day.
_MARKET_MOVE = 0.5
# A crash is traded heavily. The day of a split is a day as any other, in new shares.
_CRASH_VOLUME = np.log(3)


@dataclass(frozen=True)
class Rows:
    """Rows in order of ticker and session, each array (n,).

    Attributes
    ----------
    position
        The row's position in the delivery; -1 for a row that was stored before.
    ticker, day
        A number for each ticker, and the session, unit days.
    before, through
        How many sessions of its exchange lie before that day, and up to and including it.
    close, adj_close
        Natural logarithms of the prices.
    volume
        Shares; NaN where unknown.
    dividend
        Whether there was one on that day.
    split
        Natural logarithm of the shares after a split for each before it; 0 where there was none.

    """

    position: Integers
    ticker: Integers
    day: npt.NDArray[np.datetime64]
    before: Integers
    through: Integers
    close: Numbers
    adj_close: Numbers
    volume: Numbers
    dividend: Bools
    split: Numbers

    def only(self, chosen: Bools) -> "Rows":
        """The chosen (n,) rows, in the same order."""
        if chosen.all():
            return self
        return Rows(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @property
    def delivered(self) -> Bools:
        """Which rows are to be judged, (n,)."""
        return self.position >= 0

    @property
    def next_day(self) -> npt.NDArray[np.datetime64]:
        """The next session of each row's ticker, (n,); NaT after the last."""
        near = _neighbours(self)
        found: npt.NDArray[np.datetime64] = np.where(
            near.has_next, self.day[near.next], np.datetime64("NaT", "D")
        )
        return found

    @property
    def starts(self) -> Bools:
        """Which rows are the first of their ticker and session, (n,)."""
        new = np.ones(len(self.day), dtype=bool)
        new[1:] = (self.ticker[1:] != self.ticker[:-1]) | (self.day[1:] != self.day[:-1])
        return new


def in_order(prices: pd.DataFrame, where: TradingDays, kept: Bools, delivered: int) -> Rows:
    """The `kept` (n,) ones of the rows, of which the first `delivered` are not stored yet.

    Every delivered row comes before the stored row of its session.
    """
    order = np.flatnonzero(kept)
    order = order[np.lexsort((where.day[order], where.ticker[order]))]
    numbers = {name: prices[name].to_numpy()[order] for name in ("close", "adj_close", "volume")}
    return Rows(
        position=np.where(order < delivered, order, -1),
        ticker=where.ticker[order],
        day=where.day[order],
        before=where.before[order],
        through=where.through[order],
        close=np.log(numbers["close"]),
        adj_close=np.log(numbers["adj_close"]),
        volume=numbers["volume"],
        dividend=prices["dividend"].to_numpy()[order] != 0,
        split=_logarithm_of_split(prices["split"].to_numpy()[order]),
    )


def _logarithm_of_split(split: Numbers) -> Numbers:
    # Some write 0 where there was no split.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(split > 0, np.log(split), 0.0)


def impossible_spikes(rows: Rows) -> Bools:
    """Rows (n,) that moved by a factor of 3 from the session before and were taken back on the next.

    Both of these sessions must be there. Of several rows of a session each is judged by
    itself, against the first ones of its neighbours.
    """
    near = _neighbours(rows)
    adjoining = near.has_last & near.has_next
    adjoining &= rows.before == rows.through[near.last]
    adjoining &= rows.before[near.next] == rows.through
    found = np.zeros(len(adjoining), dtype=bool)
    for prices in (rows.adj_close, rows.close):
        move = _move(prices, near)
        rest = np.abs(move + prices[near.next] - prices)
        found |= (np.abs(move) >= _IMPOSSIBLE_MOVE) & (rest < _IMPOSSIBLE_REST)
    return _without_ways_back(found & adjoining & _quiet(rows, near), near)


def sequence_flags(rows: Rows) -> dict[str, Bools]:
    """By reason, which rows (n,) stand out; there must be one row per ticker and session."""
    near = _neighbours(rows)
    spikes = _spikes(rows, near)
    # The move back from a spike is the spike's, and no second fault.
    settled = spikes | (near.has_last & spikes[near.last])
    splits = _unadjusted_splits(rows, near) & ~settled
    return {
        "spike_and_reversal": spikes,
        "unadjusted_split": splits,
        "adjusted_close_jump": _jumps(rows, near) & ~settled & ~splits,
        "flat_run": _flat_runs(rows, near),
        "zero_volume": _zero_volumes(rows),
        "missing_volume": _missing_volumes(rows),
    }


def missing_sessions(rows: Rows) -> Integers:
    """How many sessions of its exchange lie between each row and the one before it, (n,)."""
    near = _neighbours(rows)
    # A stored row may lie on a day without trading, and would count as minus one.
    return np.where(near.has_last, np.maximum(rows.before - rows.through[near.last], 0), 0)


@dataclass(frozen=True)
class _Neighbours:
    """For each row, where the first rows of the sessions before and after it are; arrays (n,).

    Attributes
    ----------
    last, next
        Positions; any where `has_last` or `has_next` says that there is none.
    group
        A number for each ticker and session.
    heads
        Position of the first row of each group, (groups,).

    """

    last: Integers
    next: Integers
    has_last: Bools
    has_next: Bools
    group: Integers
    heads: Integers


def _neighbours(rows: Rows) -> _Neighbours:
    group = np.cumsum(rows.starts) - 1
    heads = np.flatnonzero(rows.starts)
    last = heads[np.maximum(group - 1, 0)]
    following = heads[np.minimum(group + 1, len(heads) - 1)]
    has_last = (group > 0) & (rows.ticker[last] == rows.ticker)
    has_next = (group + 1 < len(heads)) & (rows.ticker[following] == rows.ticker)
    return _Neighbours(last, following, has_last, has_next, group, heads)


def _quiet(rows: Rows, near: _Neighbours) -> Bools:
    """Without a dividend or split on the row's day and the next, (n,)."""
    acted = rows.dividend | (rows.split != 0)
    found: Bools = ~acted & ~acted[near.next]
    return found


def _move(prices: Numbers, near: _Neighbours) -> Numbers:
    """Log return since the session before, (n,); 0 where there is none."""
    return np.where(near.has_last, prices - prices[near.last], 0.0)


def _taken_back(prices: Numbers, near: _Neighbours) -> Bools:
    """Where the next move leaves no more than a fifth of a row's own move, (n,)."""
    move = _move(prices, near)
    rest = np.abs(move + prices[near.next] - prices)
    found: Bools = near.has_next & (rest <= _SPIKE_REST * np.abs(move))
    return found


def _spikes(rows: Rows, near: _Neighbours) -> Bools:
    found = np.zeros(len(near.group), dtype=bool)
    for prices in (rows.adj_close, rows.close):
        found |= (np.abs(_move(prices, near)) >= _SPIKE_MOVE) & _taken_back(prices, near)
    return _without_ways_back(found & _quiet(rows, near), near)


def _without_ways_back(found: Bools, near: _Neighbours) -> Bools:
    """Spikes (n,) less those that follow one: of prices 1, 9, 1, 9, 1 the nines are wrong, not the ones."""
    after_one = near.has_last & found & found[near.last]
    number = _place_in_run(after_one[near.heads])[near.group]
    first: Bools = found & (number % 2 == 0)
    return first


def _place_in_run(goes_on: Bools) -> Integers:
    """How many rows in succession, up to each (n,), go on from the one before."""
    numbers = np.arange(len(goes_on))
    return numbers - np.maximum.accumulate(np.where(goes_on, 0, numbers))


def _unadjusted_splits(rows: Rows, near: _Neighbours) -> Bools:
    moves = _move(rows.adj_close, near)
    together = np.abs(moves - _move(rows.close, near)) <= _SAME_MOVE
    large = np.abs(moves) >= _SPLIT_RATIOS[0] - _SPLIT_TOLERANCE
    no_split = rows.split == 0
    at = np.flatnonzero(large & together & no_split & ~_taken_back(rows.adj_close, near))
    move = moves[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        traded = np.log(rows.volume[at] / rows.volume[near.last[at]])
    found = np.zeros(len(moves), dtype=bool)
    found[at] = _like_a_split(move, traded)
    found |= together & _listed_and_not_applied(rows.split, moves)
    return found


def _listed_and_not_applied(split: Numbers, moves: Numbers) -> Bools:
    """Rows (n,) with a split on record with which the adjusted close still moves.

    It moves by the ratio of the split and by what the market does on that day, which is less.
    """
    size = np.abs(split)
    found: Bools = (size >= _PLAIN_SPLIT) & (np.abs(moves + split) <= _MARKET_MOVE * size)
    return found


def _like_a_split(move: Numbers, traded: Numbers) -> Bools:
    """Whether log returns and log changes of volume (or NaN), (k,) each, are those of a split."""
    nearest = np.abs(np.abs(move)[:, None] - _SPLIT_RATIOS).argmin(axis=1)
    misfit = np.abs(np.abs(move) - _SPLIT_RATIOS[nearest])
    known_volume = np.isfinite(traded)
    crash = known_volume & (traded > np.maximum(-move, 0) + _CRASH_VOLUME)
    volume_fits = known_volume & (np.abs(traded + move) <= _SPLIT_VOLUME)
    plain = (misfit <= _SPLIT_TOLERANCE) & ~crash
    small = (misfit <= _SMALL_SPLIT_TOLERANCE) & volume_fits
    found: Bools = np.where(_SPLIT_RATIOS[nearest] >= _PLAIN_SPLIT, plain, small)
    return found


def _jumps(rows: Rows, near: _Neighbours) -> Bools:
    adjusted, plain = _move(rows.adj_close, near), _move(rows.close, near)
    # Where a split is missing in `split` the close jumps and the adjusted close does not: that is no fault.
    against = (np.abs(adjusted - plain) > _JUMP_OF_FACTOR) & (np.abs(adjusted) > np.abs(plain))
    found: Bools = ((np.abs(adjusted) >= _JUMP_MOVE) | against) & ~rows.dividend & (rows.split == 0)
    return found


def _flat_runs(rows: Rows, near: _Neighbours) -> Bools:
    same = near.has_last & (rows.close == rows.close[near.last])
    found: Bools = _place_in_run(same) == _FLAT_SESSIONS - 1
    return found


def _zero_volumes(rows: Rows) -> Bools:
    # The median is above zero just where no fewer rows have a volume than have none.
    tickers = int(rows.ticker.max(initial=-1)) + 1
    none = np.bincount(rows.ticker[rows.volume == 0], minlength=tickers)
    some = np.bincount(rows.ticker[rows.volume > 0], minlength=tickers)
    found: Bools = (rows.volume == 0) & (some >= none)[rows.ticker]
    return found


def _missing_volumes(rows: Rows) -> Bools:
    tickers = int(rows.ticker.max(initial=-1)) + 1
    unknown = np.isnan(rows.volume)
    missing = np.bincount(rows.ticker[unknown], minlength=tickers)
    usual = np.bincount(rows.ticker[~unknown], minlength=tickers)
    found: Bools = unknown & (usual > missing)[rows.ticker]
    return found
