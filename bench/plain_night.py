"""The steps of a night without Prefect, to see what Prefect costs."""

import argparse
from datetime import date

from stockjax.nightly import Night
from stockjax.reporting.markdown_summary import forecast_rows, night_digest
from stockjax.settings import load_settings
from stockjax.training.warm_up import compile_programs


def main() -> None:
    """Carry out one night by the settings of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    settings = load_settings()
    compile_programs(settings.training, settings.cache)
    night = Night(settings, parser.parse_args().as_of, None, print)
    night.open()
    ingested = night.ingest()
    universe = night.survey(ingested)
    night.replay(universe)
    results = [made for due in universe.due_sessions() if (made := night.forecast(universe, due))]
    night.score()
    outcome = night.outcome(universe, ingested, results, night.report())
    # What the run's page shows is drawn by stockjax; Prefect only keeps it.
    tickers = night.plan.tickers
    night_digest(
        night.warehouse,
        as_of=outcome.as_of,
        tickers=tickers,
        message=outcome.message,
        figures=outcome.ingested,
        failures=outcome.failures,
        report=outcome.report,
    )
    forecast_rows(night.warehouse, outcome.as_of, tickers)
    night.purge()
    night.close("completed", outcome.summary())


if __name__ == "__main__":
    main()
