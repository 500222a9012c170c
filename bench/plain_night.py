"""The steps of a night without Prefect, to see what Prefect costs."""

import argparse
from datetime import date

from stockjax.nightly import steps
from stockjax.reporting.markdown_summary import forecast_rows, night_digest
from stockjax.settings import load_settings
from stockjax.training.warm_up import compile_programs
from tests.support.runs import RunDriver


def main() -> None:
    """Carry out one night by the settings of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    settings = load_settings()
    compile_programs(settings.training, settings.cache)
    night = RunDriver(settings, parser.parse_args().as_of, print)
    night.open()
    ingested = night.ingest()
    universe = night.resolve_universe(ingested)
    results = [made for due in universe.due_sessions() if (made := night.forecast(universe, due))]
    night.warm_up(universe)
    night.score()
    outcome = night.result(universe, ingested, results, steps.write_run_report(night.run))
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
    steps.purge_expired(night.run)
    night.close("completed", outcome.summary())


if __name__ == "__main__":
    main()
