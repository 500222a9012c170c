"""Letting good rows through and accounting for every other one."""

from dataclasses import dataclass

import pandas as pd
from pandera.errors import SchemaErrors

from stockjax.errors import Malformed
from stockjax.quality.contract import CHECKS_BY_WEIGHT, PRICE_ROW
from stockjax.sessions import Exchange

REFUSED_COLUMNS = ["ticker", "session", "reason", "severity", "row"]


@dataclass(frozen=True)
class Checked:
    """Rows that may be stored, and rows that may not.

    Every delivered row is in exactly one of the two.

    Attributes
    ----------
    accepted
        Columns of a source's delivery, one row per (ticker, session).
    refused
        Columns `REFUSED_COLUMNS`; `row` is JSON text of what was delivered.

    """

    accepted: pd.DataFrame
    refused: pd.DataFrame


def check(prices: pd.DataFrame, exchange: Exchange) -> Checked:
    """Hold delivered prices against the contract and the exchange's calendar.

    Raises
    ------
    Malformed
        A column is missing, or of another type than every source promises.

    """
    prices = prices.reset_index(drop=True)
    reasons = _contract_failures(prices)
    for position in _positions_off_sessions(prices, exchange):
        reasons.setdefault(position, "not_a_session")
    # Last, so that a bad row never takes the place of a good one of the same day.
    good = prices.drop(index=list(reasons))
    for position in good.index[good.duplicated(["ticker", "session"], keep="first")]:
        reasons[int(position)] = "duplicate"
    refused = prices.loc[sorted(reasons)]
    return Checked(
        accepted=prices.drop(index=refused.index).reset_index(drop=True),
        refused=pd.DataFrame(
            {
                "ticker": refused["ticker"].astype(str),
                "session": refused["session"],
                "reason": pd.Series({position: reasons[position] for position in refused.index}, dtype=str),
                "severity": pd.Series("reject", index=refused.index, dtype=str),
                "row": pd.Series(
                    [row.to_json(date_format="iso") for _, row in refused.iterrows()],
                    index=refused.index,
                    dtype=str,
                ),
            },
            columns=REFUSED_COLUMNS,
        ).reset_index(drop=True),
    )


def _contract_failures(prices: pd.DataFrame) -> dict[int, str]:
    """The weightiest check that each bad row fails, by its position."""
    try:
        PRICE_ROW.validate(prices, lazy=True)
    except SchemaErrors as error:
        failures = error.failure_cases
    else:
        return {}
    whole = failures[failures["index"].isna()]
    if len(whole):
        raise Malformed(
            f"the source delivered a table of the wrong shape ({whole.iloc[0]['check']}); report this source"
        ) from None
    weight = failures["check"].map(CHECKS_BY_WEIGHT.index)
    weightiest = failures.assign(weight=weight).sort_values("weight").drop_duplicates("index")
    return {int(position): str(name) for position, name in weightiest[["index", "check"]].to_numpy()}


def _positions_off_sessions(prices: pd.DataFrame, exchange: Exchange) -> list[int]:
    """Rows on days without trading, as far back as the calendar is known."""
    days = prices["session"][prices["session"] >= pd.Timestamp(exchange.first_known)]
    return [int(position) for position in days.index[~days.isin(exchange.every_session)]]
