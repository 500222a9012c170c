from flows.artifacts import MOST_ROWS, shown_rows


def rows(tickers: int) -> list[dict[str, str]]:
    models = ("ewma", "har", "lstm", "random_walk")
    return [{"ticker": f"T{number}", "model": model} for number in range(tickers) for model in models]


def test_a_table_that_fits_is_shown_whole() -> None:
    found = rows(MOST_ROWS // 4)
    assert shown_rows(found) == (found, "")


def test_of_a_large_table_the_page_has_lstm_and_says_where_the_rest_is() -> None:
    kept, left_out = shown_rows(rows(600))
    assert (len(kept), {row["model"] for row in kept}) == (600, {"lstm"})
    assert left_out == ": 600 of 2400 rows, of lstm; stockjax sql has all, in latest_forecasts"
    kept, left_out = shown_rows(rows(3000))
    assert len(kept) == MOST_ROWS
    assert left_out.startswith(f": {MOST_ROWS} of 12000 rows")
