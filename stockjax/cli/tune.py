"""`stockjax tune`: the hyperparameter search."""

from typing import Annotated

import typer
from rich.console import Console

from stockjax.cli.options import (
    AsOfOption,
    PathOption,
    SourceOption,
    TickersArgument,
    WarehouseOption,
    flow_runner,
    settings_from_flags,
)
from stockjax.cli.terminal import output_may_be_cut


def tune(
    tickers: TickersArgument = None,
    source: SourceOption = None,
    path: PathOption = None,
    as_of: AsOfOption = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Configurations (setting: tune.trials).")] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Search for settings of training that would have done better; the winner becomes a challenger."""
    from stockjax.reporting.search_report import search_table
    from stockjax.tuning import open_study, trial_results, trials_table

    settings = settings_from_flags(tickers, source, path, warehouse, trials)
    finished = flow_runner("tune")(settings, as_of.date() if as_of else None)
    with open_study(settings.warehouse, finished.study) as study:
        found = trial_results(study)
    console = Console()
    with output_may_be_cut():
        console.print(search_table(trials_table(found), list(found[0].values)))
        console.print(f"report: {finished.report}")
        console.print(finished.message)
