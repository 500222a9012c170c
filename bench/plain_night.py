"""The steps of a night without Prefect, to see what Prefect costs."""

import argparse
from datetime import date

from limit import stages_of

from stockjax.settings import load_settings
from stockjax.training.warm_up import compile_programs


def main() -> None:
    """Carry out one night by the settings of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    asked = parser.parse_args()
    settings = load_settings()
    compile_programs(settings.training, settings.cache)
    stages_of(settings, asked.as_of)


if __name__ == "__main__":
    main()
