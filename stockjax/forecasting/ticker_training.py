"""The training of tickers as a value: all that it needs, and nothing that it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.training import parent_of, start_of, ticker_seed, train_ticker_model
from stockjax.registry import Model
from stockjax.settings import RetrainSettings, TrainingSettings
from stockjax.training.ticker_model import TrainedTicker, retrain_group


@dataclass(frozen=True)
class TickerTraining:
    """Trains one ticker at a time; the same wherever it runs, for arrays go in and come out.

    Attributes
    ----------
    asof
        What is known at the session, of these tickers at least.
    champions
        By ticker, the model that forecasts it today.

    """

    asof: AsOfData
    base: Model
    champions: Mapping[str, Model]
    training: TrainingSettings
    seed: int
    retrain: RetrainSettings

    def __call__(self, ticker: str, trained: TrainedTicker | None = None) -> Model:
        """Train or retrain one ticker; with networks that were trained in a group, only the rest of it.

        Raises
        ------
        ModelError
            The parameters are no finite numbers.

        """
        champion = self.champions.get(ticker)
        model = train_ticker_model(
            self.asof, ticker, self.base, champion, self.training, self.seed, self.retrain, trained
        )
        model.check_numbers()
        return model

    def many(self, tickers: Sequence[str], group: int) -> dict[str, Model | Exception]:
        """Train or retrain tickers, groups of them as one batched program; one that fails stops no other.

        Parameters
        ----------
        group
            Tickers of a program; 1: each by itself.

        """
        found: dict[str, Model | Exception] = {}
        for start in range(0, len(tickers), group):
            names = tickers[start : start + group]
            networks: list[TrainedTicker | None] = [None] * len(names)
            if group > 1 and self.training.mode != "adapter":
                try:
                    networks = [*self._train_group(names, group)]
                except Exception as error:
                    found |= dict.fromkeys(names, error)
                    continue
            for ticker, trained in zip(names, networks, strict=True):
                try:
                    found[ticker] = self(ticker, trained)
                except Exception as error:
                    found[ticker] = error
        return found

    def _train_group(self, tickers: Sequence[str], group: int) -> list[TrainedTicker]:
        history = self.asof.history
        rows = [history.tickers.index(ticker) for ticker in tickers]
        parents = [
            parent_of(self.base, self.champions.get(ticker), self.training, self.retrain)
            for ticker in tickers
        ]
        return retrain_group(
            [start_of(parent, self.base, self.training) for parent in parents],
            self.base.parameters["network"],
            self.asof.features,
            rows,
            [int(history.lengths[row]) for row in rows],
            self.training,
            [ticker_seed(self.seed, ticker, self.asof.as_of) for ticker in tickers],
            group,
        )

    def only(self, tickers: Sequence[str]) -> "TickerTraining":
        """The same for some of the tickers, without what the others need."""
        champions = {name: self.champions[name] for name in tickers if name in self.champions}
        return replace(self, asof=self.asof.only(tickers), champions=champions)
