"""Prefect flows: orchestration only; all logic is in the library `stockjax`."""
