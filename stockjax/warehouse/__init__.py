"""The DuckDB warehouse: the only package that opens the database."""

from stockjax.warehouse.connection import Warehouse

__all__ = ["Warehouse"]
