"""The steps of a night without Prefect, to see what Prefect costs."""

import argparse
from datetime import date

from stockjax.nightly import Night
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
    for session in sorted({*universe.missed, *universe.tonight}):
        night.session(universe, session).catch_up()
    night.score()
    report = night.report()
    night.purge()
    night.close("completed", night.outcome(universe, ingested, {}, report).summary())


if __name__ == "__main__":
    main()
