"""`stockjax dictionary`: what every table and column means."""

import typer

from stockjax.cli.options import WarehouseOption
from stockjax.settings import load_settings


def dictionary(warehouse: WarehouseOption = None) -> None:
    """Print what every table and column means, as Markdown."""
    from stockjax.warehouse import Warehouse
    from stockjax.warehouse.dictionary import data_dictionary

    typer.echo(data_dictionary(Warehouse(load_settings(warehouse=warehouse).warehouse)), nl=False)
