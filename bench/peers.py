"""Set stockjax next to NeuralForecast's LSTM and arch's GARCH: same tickers, sessions and quantiles."""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table
from timing import run_stockjax

from stockjax.distribution import LEVELS
from stockjax.scoring.skill import skill_over_days
from stockjax.settings import load_settings

try:
    from arch import arch_model
    from arch.univariate.distribution import StudentsT
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import BasePointLoss, DistributionLoss, MQLoss
    from neuralforecast.models import LSTM
    from scipy.stats import t as student
except ImportError as error:
    sys.exit(f"the peers are not installed here ({error}): run make peers, which has an environment for them")

Array = npt.NDArray[np.float64]

OURS = ("lstm", "har", "ewma", "random_walk")
QUANTILES = ("q05", "q25", "q50", "q75", "q95")
WINDOW = 64
"""Returns that NeuralForecast looks at, and the fewest that a forecast of any peer wants."""

STEPS = 600
GARCH_EVERY = 21
WIDTH = 120


@dataclass(frozen=True)
class Ticker:
    """One ticker's sessions, from its second on, and the log return into each of them, in percent."""

    sessions: npt.NDArray[np.datetime64]
    returns: Array


@dataclass(frozen=True)
class Question:
    """What every model is asked.

    Attributes
    ----------
    tickers
        All there is, also what comes after an as-of: no model may be handed it as it is.
    forecasts
        A row for each, numbered from 0: ticker, as_of, target, actual (percent), and place, that
        of the return into as_of among the returns of the ticker.

    """

    tickers: dict[str, Ticker]
    forecasts: pd.DataFrame


@dataclass(frozen=True)
class Answer:
    """Quantiles (forecasts, levels) of the next return in percent, NaN where there are none."""

    quantiles: Array
    seconds: float


_FORECASTS = """
SELECT model, ticker, as_of, target, 100 * actual_return AS actual,
    100 * ln(q05 / basis_close) AS q05, 100 * ln(q25 / basis_close) AS q25,
    100 * ln(q50 / basis_close) AS q50, 100 * ln(q75 / basis_close) AS q75,
    100 * ln(q95 / basis_close) AS q95
FROM scored_forecasts
WHERE origin = 'backtest' AND as_of BETWEEN $first AND $last AND model IN (SELECT unnest($models))
QUALIFY count(*) OVER (PARTITION BY ticker, as_of) = len($models)
ORDER BY model, ticker, as_of
"""
_RETURNS = """
SELECT ticker, session,
    100 * ln(adj_close / lag(adj_close) OVER (PARTITION BY ticker ORDER BY session)) AS percent
FROM prices
QUALIFY percent IS NOT NULL
ORDER BY ticker, session
"""


def backtest(asked: argparse.Namespace) -> tuple[Question, dict[str, Answer]]:
    """Run `stockjax backtest` as a user does; what it forecast is what the peers are asked."""
    prices = ["--source", "files", "--path", str(asked.path)] if asked.path else ["--source", "sample"]
    dates = ["--from", str(asked.first), "--to", str(asked.last)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            timed = run_stockjax(["backtest", *dates, *prices, *asked.tickers], folder)
        except subprocess.CalledProcessError:
            lines = (folder / "log.txt").read_text().strip().splitlines()
            sys.exit(f"stockjax backtest failed: {lines[-1] if lines else 'it said nothing'}")
        rows, returns = read_backtest(folder / "warehouse" / "snapshot.duckdb", asked.first, asked.last)
    tickers = {
        str(ticker): Ticker(part["session"].to_numpy("datetime64[D]"), part["percent"].to_numpy())
        for ticker, part in returns.groupby("ticker")
    }
    by_model = {model: with_places(part, tickers) for model, part in rows.groupby("model")}
    if not len(by_model.get("lstm", ())):
        sys.exit(f"no forecast of that range has {WINDOW} returns before it; begin later with --from")
    forecasts = by_model["lstm"][["ticker", "as_of", "target", "actual", "place"]]
    ours = {model: Answer(by_model[model][[*QUANTILES]].to_numpy(), timed.seconds) for model in OURS}
    return Question(tickers, forecasts), ours


def read_backtest(snapshot: Path, first: date, last: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The forecasts that all models made, and all returns."""
    with duckdb.connect(snapshot, read_only=True) as connection:
        wanted = {"first": first, "last": last, "models": list(OURS)}
        return connection.execute(_FORECASTS, wanted).df(), connection.execute(_RETURNS).df()


def with_places(rows: pd.DataFrame, tickers: dict[str, Ticker]) -> pd.DataFrame:
    """One model's forecasts that have returns enough before them for the peers, numbered again."""
    parts = []
    for ticker, part in rows.groupby("ticker"):
        days = part["as_of"].to_numpy("datetime64[D]")
        parts.append(part.assign(place=np.searchsorted(tickers[str(ticker)].sessions, days)))
    placed = pd.concat(parts)
    return placed[placed["place"] >= WINDOW - 1].reset_index(drop=True)


def student_quantiles(predicted: pd.DataFrame) -> Array:
    """Exact quantiles of the distribution, rather than those of 1,000 draws from it."""
    freedom, middle, scale = (predicted[[f"LSTM-{name}"]].to_numpy(float) for name in ("df", "loc", "scale"))
    quantiles: Array = middle + scale * student.ppf(LEVELS, freedom)
    return quantiles


def direct_quantiles(predicted: pd.DataFrame) -> Array:
    """The quantiles as they come, put in order where they cross."""
    names = [f"LSTM-{name}" for name in ("lo-90", "lo-50", "median", "hi-50", "hi-90")]
    quantiles: Array = np.sort(predicted[names].to_numpy(float), axis=1)
    return quantiles


@dataclass(frozen=True)
class Loss:
    """What NeuralForecast's network is trained for, and how its columns become quantiles."""

    make: Callable[[], BasePointLoss | DistributionLoss]
    quantiles: Callable[[pd.DataFrame], Array]


LOSSES = {
    "NeuralForecast, Student t": Loss(
        lambda: DistributionLoss("StudentT", level=[50, 90], return_params=True), student_quantiles
    ),
    "NeuralForecast, quantiles": Loss(lambda: MQLoss(level=[50, 90]), direct_quantiles),
}


def neuralforecast(question: Question, loss: Loss, every: int) -> Answer:
    """One LSTM of all tickers, trained again from the first as-of on after every so many sessions."""
    begun = time.perf_counter()
    quantiles = np.full((len(question.forecasts), len(LEVELS)), np.nan)
    days = np.unique(question.forecasts["as_of"].to_numpy("datetime64[D]"))
    for start in range(0, len(days), every):
        library = NeuralForecast(models=[network(loss)], freq=1)
        library.fit(known_at(question, days[start]))
        predicted = library.predict(windows(question, days[start : start + every]))
        quantiles[predicted["unique_id"].to_numpy()] = loss.quantiles(predicted)
    return Answer(quantiles, time.perf_counter() - begun)


def network(loss: Loss) -> LSTM:
    """The library's own defaults for all that is not about the task.

    Among them its scaling, each window by its median and median deviation; bench/README.md says
    how the others did.
    """
    return LSTM(
        h=1,
        input_size=WINDOW,
        loss=loss.make(),
        max_steps=STEPS,
        # Windows that are mostly padding would only teach it padding.
        training_data_availability_threshold=1.0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def known_at(question: Question, day: np.datetime64) -> pd.DataFrame:
    """All returns up to a day, in the library's form; sessions are counted, not dated.

    A ticker without a single window and the return after it is left out.
    """
    parts = []
    for name, ticker in question.tickers.items():
        known = ticker.returns[: np.searchsorted(ticker.sessions, day, side="right")]
        if len(known) > WINDOW:
            parts.append(pd.DataFrame({"unique_id": name, "ds": np.arange(len(known)), "y": known}))
    if not parts:
        sys.exit(f"NeuralForecast has nothing to learn from at {day}; begin later with --from")
    return pd.concat(parts, ignore_index=True)


def windows(question: Question, days: npt.NDArray[np.datetime64]) -> pd.DataFrame:
    """For each forecast from these days the last returns up to its as-of, as a series of its own.

    Nothing later can reach a forecast: it is not in what the library is given.
    """
    chosen = question.forecasts[question.forecasts["as_of"].isin(days)]
    inputs = [
        question.tickers[ticker].returns[place - WINDOW + 1 : place + 1]
        for ticker, place in zip(chosen["ticker"], chosen["place"], strict=True)
    ]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(chosen.index.to_numpy(), WINDOW),
            "ds": np.tile(np.arange(WINDOW), len(chosen)),
            "y": np.concatenate(inputs),
        }
    )


def garch(question: Question) -> Answer:
    """GARCH(1,1) with Student-t innovations around a constant mean, each ticker by itself."""
    begun = time.perf_counter()
    quantiles = np.full((len(question.forecasts), len(LEVELS)), np.nan)
    for ticker, part in question.forecasts.groupby("ticker"):
        returns = question.tickers[str(ticker)].returns
        for start in range(0, len(part), GARCH_EVERY):
            contiguous_windows = part.iloc[start : start + GARCH_EVERY]
            quantiles[contiguous_windows.index] = garch_quantiles(
                returns, contiguous_windows["place"].to_numpy()
            )
    return Answer(quantiles, time.perf_counter() - begun)


def garch_quantiles(returns: Array, places: npt.NDArray[np.int64]) -> Array:
    """Fit to the returns up to the first place, then only filter, one return a session."""
    known = returns[: places[0] + 1]
    model = arch_model(known, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    fitted = model.fit(disp="off", show_warning=False)
    mean, constant, shock, persistence, freedom = fitted.params
    # Of a price that hardly ever moved it makes nonsense, and no model is scored on that.
    if fitted.convergence_flag or not known.min() <= mean <= known.max():
        return np.full((len(places), len(LEVELS)), np.nan)
    variances = np.empty(places[-1] - places[0] + 1)
    variance = fitted.conditional_volatility[-1] ** 2
    for number, seen in enumerate(returns[places[0] : places[-1] + 1]):
        variance = constant + shock * (seen - mean) ** 2 + persistence * variance
        variances[number] = variance
    scale = np.sqrt(variances[places - places[0]])
    quantiles: Array = mean + scale[:, None] * StudentsT().ppf(LEVELS, [freedom])
    return quantiles


def pinball(actual: Array, quantiles: Array) -> Array:
    """Mean over the levels of each forecast's loss."""
    errors = actual[:, None] - quantiles
    loss: Array = np.maximum(LEVELS * errors, (LEVELS - 1) * errors).mean(axis=1)
    return loss


@dataclass(frozen=True)
class Scored:
    """The answers to the forecasts that every model made, and what happened."""

    actual: Array
    days: npt.NDArray[np.datetime64]
    answers: dict[str, Answer]

    @classmethod
    def of(cls, question: Question, answers: dict[str, Answer]) -> "Scored":
        """Keep what all have in common."""
        whole = np.all([np.isfinite(answer.quantiles).all(axis=1) for answer in answers.values()], axis=0)
        if not whole.any():
            sys.exit("no forecast was made by every model; begin later with --from")
        kept = question.forecasts[whole]
        return cls(
            kept["actual"].to_numpy(),
            kept["target"].to_numpy("datetime64[D]"),
            {name: Answer(answer.quantiles[whole], answer.seconds) for name, answer in answers.items()},
        )

    def rows(self) -> Iterator[list[str]]:
        """The cells of each model, the best first."""
        losses = {name: pinball(self.actual, answer.quantiles) for name, answer in self.answers.items()}
        errors = {name: self.actual - answer.quantiles[:, 2] for name, answer in self.answers.items()}
        walk = errors["random_walk"]
        for name in sorted(losses, key=lambda name: losses[name].mean()):
            answer, error = self.answers[name], errors[name]
            yield [
                name,
                str(len(self.actual)),
                f"{100 * losses[name].mean():.2f}",
                "–" if name == "lstm" else self._behind(losses[name], losses["lstm"]),
                f"{np.sqrt((error**2).mean() / (walk**2).mean()):.4f}",
                f"{np.abs(error).mean() / np.abs(walk).mean():.4f}",
                self._inside(answer, 1, 3),
                self._inside(answer, 0, 4),
                "〃" if name in OURS[1:] else f"{answer.seconds:.0f}",
            ]

    def _behind(self, loss: Array, benchmark: Array) -> str:
        """How much larger a loss is, in percent: the skill with its sign turned."""
        skill = skill_over_days(loss, benchmark, self.days)
        return f"{-100 * skill.value:+.2f} [{-100 * skill.high:+.2f}, {-100 * skill.low:+.2f}]"

    def _inside(self, answer: Answer, low: int, high: int) -> str:
        quantiles = answer.quantiles
        inside = (self.actual >= quantiles[:, low]) & (self.actual <= quantiles[:, high])
        return f"{inside.mean():.1%}"


def table(scored: Scored, asked: argparse.Namespace) -> Table:
    """The one table."""
    made = Table(
        title=f"Forecasts of {len(np.unique(scored.days))} sessions, as of {asked.first} to {asked.last}",
        caption="Pinball loss of the log return in basis points; how far over that of lstm in %, with "
        "its 95% interval over days; RMSE and MAE over those of the random walk. Seconds of training and "
        "forecasting; of the four models of stockjax together, those of the whole command.",
    )
    for heading in ("model", "n", "pinball", "over lstm", "RMSE", "MAE", "50%", "90%", "seconds"):
        made.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for cells in scored.rows():
        made.add_row(*cells)
    return made


def ask() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, help="file or folder of prices; default: the embedded sample")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2012, 1, 3))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2012, 12, 31))
    parser.add_argument("--tickers", nargs="+", default=[], help="default: all there are")
    return parser.parse_args()


def main() -> None:
    """Print one table."""
    asked = ask()
    # Lightning tells of its seed and its accelerator at every training.
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|neuralforecast")
    question, answers = backtest(asked)
    every = load_settings().retrain.base_every
    for name, loss in LOSSES.items():
        answers[name] = neuralforecast(question, loss, every)
    answers["GARCH(1,1), Student t"] = garch(question)
    # Wide enough for the table, also where the output goes into a file.
    Console(width=WIDTH).print(table(Scored.of(question, answers), asked))


if __name__ == "__main__":
    main()
