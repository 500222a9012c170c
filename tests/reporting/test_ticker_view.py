import pytest

from stockjax.errors import UsageError
from stockjax.reporting.tables import status_table
from stockjax.reporting.ticker_view import picture_of_ticker, show_ticker
from stockjax.scoring import refresh_rolling_metrics
from stockjax.warehouse import Warehouse
from tests.reporting.test_tables import asked, line_of, shown
from tests.support.report_rows import fill

HOSTILE = [
    "<script>alert(1)</script>",
    "[red]X[/red]",
    "../../etc/passwd",
    "A'; DROP TABLE prices; --",
    "\x1b[2JX",
]


def test_a_ticker_is_shown_with_outcomes_scores_and_a_chart(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL", "IBM"), replayed=5)
    refresh_rolling_metrics(warehouse)
    text = shown(show_ticker(warehouse, "AAPL", sessions=3, width=70))
    tables, _, chart = text.partition("┌")
    newest = asked(warehouse, "FROM latest_forecasts WHERE model = 'lstm' AND ticker = 'AAPL'").iloc[0]
    assert text.startswith(f"AAPL, {newest['target']:%Y-%m-%d}")
    assert f"{newest['q05']:.2f} … {newest['q95']:.2f}" in text
    scored = asked(
        warehouse,
        "FROM scored_forecasts WHERE model = 'lstm' AND ticker = 'AAPL' ORDER BY target DESC LIMIT 3",
    )
    for row in scored.to_dict("records"):
        cells = line_of(tables, f"{row['target']:%Y-%m-%d}")
        assert f"{row['actual_close']:.2f}" in cells
        assert f"{row['return_error']:+.2%}" in cells
    har = [line.replace("│", " ").split() for line in tables.splitlines() if "│ har " in line]
    assert [cells[1] for cells in har] == ["21", "63", "252"]
    assert chart.count("o") >= 3
    assert "o close" in chart
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 160


def test_what_the_ledger_does_not_have_is_wrong_usage(warehouse: Warehouse) -> None:
    for ticker, model in (("NONE", "lstm"), ("\x1b[2J", "\x07")):
        with pytest.raises(UsageError, match="stockjax status") as caught:
            show_ticker(warehouse, ticker, model)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("ticker", HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(warehouse: Warehouse, ticker: str) -> None:
    fill(warehouse, (ticker,), replayed=2)
    refresh_rolling_metrics(warehouse)
    printed = ticker.replace("\x1b", " ")
    text = shown(show_ticker(warehouse, ticker))
    assert text.startswith(printed.strip(" ") if printed.startswith("<") else printed[:4])
    assert "\x1b" not in text
    status = shown(status_table(warehouse, []))
    assert "\x1b" not in status
    assert asked(warehouse, "SELECT count(*) AS n FROM prices")["n"].iloc[0] > 0


@pytest.mark.parametrize("ticker", HOSTILE)
@pytest.mark.parametrize("replayed", [0, 5])
def test_a_ticker_is_drawn_from_its_first_night_on(warehouse: Warehouse, ticker: str, replayed: int) -> None:
    fill(warehouse, (ticker,), replayed=replayed)
    assert picture_of_ticker(warehouse, ticker).startswith(b"\x89PNG")


def test_nothing_is_drawn_of_whom_no_one_has_forecast(warehouse: Warehouse) -> None:
    fill(warehouse, ("AAPL",), replayed=0)
    with pytest.raises(UsageError, match="stockjax status"):
        picture_of_ticker(warehouse, "\x1b[2J")
