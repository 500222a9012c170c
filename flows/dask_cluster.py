"""A Dask cluster: how a run reaches it, and what its workers must have."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from stockjax.code_version import code_version
from stockjax.errors import ClusterError, UsageError
from stockjax.settings import load_settings
from stockjax.training.compilation import use_compilation_cache

CONNECT_SECONDS = 30


class Sealed:
    """Arguments of a task that neither Prefect nor Dask searches for futures.

    Parameters
    ----------
    values
        Arrays and plain values.

    """

    def __init__(self, *values: Any) -> None:
        self.values = values


@contextmanager
def dask_runner(address: str) -> Generator[Any]:
    """Connect to the scheduler of a cluster; yields a task runner of Prefect.

    Raises
    ------
    UsageError
        The extra `stockjax[dask]` is not installed.
    ClusterError
        No scheduler answers at the address.

    """
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise UsageError("run.runner = 'dask' needs prefect-dask; install stockjax[dask]") from error
    runner = DaskTaskRunner(address=address, client_kwargs={"timeout": CONNECT_SECONDS})
    with runner as connected:
        try:
            # It connects when it is first used.
            connected.client.scheduler_info(n_workers=0)
        except OSError as error:
            raise ClusterError(
                f"no Dask scheduler answers at '{address}' ({type(error).__name__}); start it, or correct "
                "run.dask_address"
            ) from error
        yield connected


def prepare_worker(version: str) -> None:
    """See that a worker has the release of the run, and keep what it compiles.

    Raises
    ------
    ClusterError
        It has another one: its numbers might differ.

    """
    if code_version() != version:
        raise ClusterError(
            f"a Dask worker has version {code_version()} of the code, the run {version}; install the same "
            "release on all machines"
        )
    use_compilation_cache(load_settings().cache)
