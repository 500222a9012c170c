"""The training of tickers as a value: all that it needs, and nothing that it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stockjax.forecasting.asof import AsOfData
from stockjax.forecasting.training import train_ticker_model
from stockjax.registry import Model
from stockjax.settings import RetrainSettings, TrainingSettings


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

    def __call__(self, ticker: str) -> Model:
        """Train or retrain one ticker.

        Raises
        ------
        ModelError
            The parameters are no finite numbers.

        """
        champion = self.champions.get(ticker)
        model = train_ticker_model(
            self.asof, ticker, self.base, champion, self.training, self.seed, self.retrain
        )
        model.check_numbers()
        return model

    def only(self, tickers: Sequence[str]) -> "TickerTraining":
        """The same for some of the tickers, without what the others need."""
        champions = {name: self.champions[name] for name in tickers if name in self.champions}
        return replace(self, asof=self.asof.only(tickers), champions=champions)
