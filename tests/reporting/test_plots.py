"""Charts as PNG."""

import base64
import io

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from stockjax.reporting.plots import actual_against_predicted, closes_and_errors, data_url
from tests.support.synthetic import NEW_YORK

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORANGE, BLUE = (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)


def sessions(count: int, known: int | None = None) -> pd.DataFrame:
    """Forecasts of so many sessions, of which the first are known."""
    random = np.random.default_rng(count)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, count)))
    days = NEW_YORK.sessions(pd.Timestamp("2012-01-03").date(), pd.Timestamp("2013-03-01").date())[-count:]
    actual = close * np.exp(random.normal(0, 0.02, count))
    actual[count - 1 if known is None else known :] = np.nan
    return pd.DataFrame(
        {
            "target": days.astype("datetime64[s]"),
            "reaction": np.arange(count) == count // 2,
            "actual_close": actual,
            "predicted_close": close,
            **{
                name: close * at
                for name, at in zip(["q05", "q25", "q75", "q95"], [0.96, 0.99, 1.01, 1.04], strict=True)
            },
        }
    )


def pixels(picture: bytes) -> np.ndarray:
    """Its colours, from 0 to 255."""
    with io.BytesIO(picture) as file:
        return np.rint(255 * matplotlib.image.imread(file, format="png")[..., :3]).astype(int)


def share_of(colour: tuple[int, int, int], image: np.ndarray) -> float:
    return float((np.abs(image - np.array(colour)).max(axis=-1) <= 3).mean())


def test_a_chart_is_a_picture_of_a_page_width_with_all_its_colours() -> None:
    picture = actual_against_predicted("AAPL", sessions(64))
    assert picture.startswith(SIGNATURE)
    assert len(picture) < 100_000
    image = pixels(picture)
    assert image.shape == (286, 792, 3)
    for colour in (ORANGE, BLUE):
        assert share_of(colour, image) > 0.0005
    assert share_of((255, 255, 255), image) > 0.3


@pytest.mark.parametrize("unit", [1e-7, 0.00123456, 1.0, 12345.6, 123456789.0])
def test_no_price_and_no_date_is_cut_off(unit: float) -> None:
    rows = sessions(64)
    rows[rows.columns.drop(["target", "reaction"])] *= unit
    image = pixels(actual_against_predicted("AAPL", rows))
    for edge in (image[:, :2], image[:, -2:], image[:2], image[-2:]):
        assert (edge == 255).all()


def test_the_larger_chart_has_the_rolling_errors_beneath_the_closes() -> None:
    rows = sessions(64)
    errors = {name: np.where(rows["actual_close"].isna(), np.nan, 0.02) for name in ("rmse", "mae")}
    errors |= {f"walk_{name}": 1.5 * values for name, values in errors.items()}
    image = pixels(closes_and_errors("AAPL", rows.assign(**errors)))
    assert image.shape == (550, 990, 3)
    without = pixels(closes_and_errors("AAPL", rows.assign(**dict.fromkeys(errors, np.nan))))
    red, blue = (
        [(part[370:, :, at] - part[370:, :, 2 - at]) > 60 for part in (image, without)] for at in (0, 2)
    )
    for drawn, legend in (red, blue):
        assert drawn.sum() > 2 * legend.sum() > 0


def test_closes_that_are_not_known_yet_are_not_drawn() -> None:
    nothing_known = pixels(actual_against_predicted("AAPL", sessions(64, known=0)))
    known = pixels(actual_against_predicted("AAPL", sessions(64)))
    # Its legend shows the mark of a close all the same.
    assert share_of(ORANGE, nothing_known) < share_of(ORANGE, known) / 5


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 20, 63, 252])
def test_any_number_of_sessions_can_be_drawn(count: int) -> None:
    assert pixels(actual_against_predicted("AAPL", sessions(count))).shape == (286, 792, 3)


@pytest.mark.parametrize(
    "ticker",
    [
        "$x$",
        "$\\frac{$",
        "$_^{",
        "<b>",
        "<script>alert(1)</script>",
        "../../x",
        "a\nb",
        "\x1b[2J",
        "株式",
        "%s {0}",
        "",
        "T" * 60,
    ],
)
def test_a_name_is_text_whatever_it_looks_like(ticker: str) -> None:
    rows = sessions(20)
    picture = actual_against_predicted(ticker, rows)
    assert picture.startswith(SIGNATURE)
    assert pixels(picture).shape == (286, 792, 3)


def test_a_name_in_dollars_is_drawn_with_its_dollars() -> None:
    rows = sessions(20)
    bare, in_dollars = (pixels(actual_against_predicted(name, rows)) for name in ("x", "$x$"))
    title = slice(0, 20), slice(0, 200)
    ink = [int((image[title].max(axis=-1) < 128).sum()) for image in (bare, in_dollars)]
    assert ink[1] > 2 * ink[0]


def test_the_same_rows_make_the_same_bytes_and_no_figure_is_left_open() -> None:
    rows = sessions(64)
    assert actual_against_predicted("AAPL", rows) == actual_against_predicted("AAPL", rows.copy())
    assert plt.get_fignums() == []


def test_an_address_carries_the_picture_whole() -> None:
    picture = actual_against_predicted("AAPL", sessions(5))
    head, _, tail = data_url(picture).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(tail, validate=True) == picture
