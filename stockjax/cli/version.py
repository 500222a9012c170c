"""`stockjax version`: the release."""

import typer

from stockjax import __version__


def version() -> None:
    """Print the release."""
    typer.echo(__version__)
