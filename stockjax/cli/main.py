"""The command line: one module per command.

Heavy libraries are imported by the commands that need them, so that `stockjax sql` answers at once.
"""

import atexit
import gc
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from stockjax.cli import models
from stockjax.cli.audit import audit
from stockjax.cli.backtest import backtest
from stockjax.cli.check import check
from stockjax.cli.dictionary import dictionary
from stockjax.cli.explain import explain
from stockjax.cli.report import report
from stockjax.cli.run import run
from stockjax.cli.show import show
from stockjax.cli.sql import sql
from stockjax.cli.status import status
from stockjax.cli.terminal import replace_what_cannot_be_encoded
from stockjax.cli.tune import tune
from stockjax.cli.version import version
from stockjax.errors import StockjaxError
from stockjax.settings import CONFIG_VARIABLE, RenamedSettingWarning

app = typer.Typer(
    help="Next-day stock forecasts with honest intervals, every night, in DuckDB.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(backtest)
app.command()(tune)
app.command()(check)
app.command()(status)
app.command()(show)
# A query may begin with a comment, whose two dashes are no option.
app.command(context_settings={"ignore_unknown_options": True})(sql)
app.command()(explain)
app.command()(audit)
app.command()(report)
app.add_typer(models.app, name="models")
app.command()(dictionary)
app.command()(version)


@app.callback()
def _options(
    config: Annotated[
        Path | None, typer.Option(help="Settings file; default: stockjax.toml if it is there.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Next-day stock forecasts with honest intervals, every night, in DuckDB."""
    del debug  # main() reads it, also when parsing fails
    if config:
        os.environ[CONFIG_VARIABLE] = str(config)


def _print_warning(message: Warning | str, category: type[Warning], *place: object, **others: object) -> None:
    """One sentence for a renamed setting; other warnings as Python prints them."""
    if issubclass(category, RenamedSettingWarning):
        print(f"stockjax: {message}", file=sys.stderr)
    else:
        _show_warning(message, category, *place, **others)  # type: ignore[arg-type]


_show_warning = warnings.showwarning


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every failure is one sentence and an exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        # Python would look through everything once more before the process ends, which takes a second.
        atexit.register(gc.freeze)
    warnings.showwarning = _print_warning
    replace_what_cannot_be_encoded()
    debug = "--debug" in given
    try:
        app(given, prog_name="stockjax")
    except StockjaxError as error:
        if debug:
            raise
        print(f"stockjax: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        print(f"stockjax: {_unexpected(error)}", file=sys.stderr)
        sys.exit(StockjaxError.exit_code)


def _unexpected(error: Exception) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, Warning):
        return (
            f"{text}: warnings of libraries are errors here; remove 'error' from PYTHONWARNINGS "
            "or from the options of Python"
        )
    return f"{text}; run it again with --debug before the command to see where, and please report it"


if __name__ == "__main__":
    main()
