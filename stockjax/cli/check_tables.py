"""The answer of `stockjax check`, for people and for programs."""

import json
from typing import Any

from stockjax.ingest.file_check import FileCheck
from stockjax.sources.files.file_report import FileReport
from stockjax.wording import counted, together

_SHOWN = 3


def file_check_text(checked: FileCheck) -> str:
    """A paragraph for each file, then what holds for all, what is refused, and how many rows are good."""
    lines = [line for report in checked.report.files for line in _file(report)]
    lines += [*checked.report.remarks, *checked.report.unread_text]
    lines += [f"{ticker}: {warning}" for ticker, warning in checked.warnings.items()]
    lines += [f"refused: {sentence}" for sentence in together(checked.failures)]
    noted = ", ".join(f"{name}: {count}" for name, count in checked.noted.items())
    tickers = checked.accepted["ticker"].nunique()
    lines.append(
        f"{counted(len(checked.accepted), 'row')} of {counted(tickers, 'ticker')} would be stored"
        + (f"; {noted}" if noted else "")
    )
    return "\n".join(lines)


def _file(report: FileReport) -> list[str]:
    shown = ", ".join(report.tickers[:_SHOWN])
    tickers = shown if len(report.tickers) <= _SHOWN else f"{shown} and {len(report.tickers) - _SHOWN} more"
    span = f"{report.first} to {report.last}" if report.first else "no date"
    return [
        f"{report.name}: {report.format}; {tickers}; {counted(report.rows, 'row')}, {span}; "
        f"adjusted closes: {report.adjustment}",
        *(f"  {remark}" for remark in report.remarks),
    ]


def file_check_json(checked: FileCheck) -> str:
    """The same as one JSON object."""
    answer: dict[str, Any] = {
        "files": [
            {
                "file": report.name,
                "format": report.format,
                "tickers": list(report.tickers),
                "rows": report.rows,
                "first": report.first and str(report.first),
                "last": report.last and str(report.last),
                "adjustment": report.adjustment,
                "remarks": list(report.remarks),
            }
            for report in checked.report.files
        ],
        "remarks": list(checked.report.remarks),
        "warnings": dict(checked.warnings),
        "not_read": list(checked.report.unread),
        "refused": {name: str(failure) for name, failure in checked.failures.items()},
        "checks": dict(checked.noted),
        "rows": len(checked.accepted),
        "tickers": int(checked.accepted["ticker"].nunique()),
    }
    return json.dumps(answer, ensure_ascii=False)
