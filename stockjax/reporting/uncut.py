"""Tables of which no cell is cut: where they do not fit, rows are blocks of lines."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_ANY_WIDTH = 10_000


class UncutTable(Table):
    """A table as Rich draws it, or a block for each row if the console is too narrow for its cells.

    Example
    -------
    >>> table = UncutTable("ticker", "close")
    >>> table.add_row("BTC-USD", "71403.44")
    >>> Console(width=12).print(table)
    BTC-USD
      close
    71403.44

    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it for the width there is."""
        needed = Measurement.get(console, options.update(max_width=_ANY_WIDTH), self).maximum
        if needed <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        if self.title:
            yield Text(str(self.title), style="italic")
        headings = [str(column.header) for column in self.columns]
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            texts = [cell.plain if isinstance(cell, Text) else str(cell) for cell in cells]
            yield Text(texts[0])
            for heading, text in zip(headings[1:], texts[1:], strict=True):
                yield Text(f"  {heading}  {text}")
        if self.caption:
            yield Text(str(self.caption), style="dim")
