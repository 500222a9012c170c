"""Nightly next-day stock forecasts with honest intervals.

Data goes one way through the package:
source → quality → warehouse → features → model → forecast → scores → report.
"""

__version__ = "0.2.0"
