"""A browser without a window, and where the pictures of what it showed are kept."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock
from platformdirs import user_cache_path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "the tests of the UI need a browser, and none was found or could be installed; "
    "install one (Debian: apt-get install chromium; elsewhere: python -m playwright install chromium)"
)
INSTALL_SECONDS = 600
SCREENSHOTS = Path(named) if (named := os.environ.get("SCREENSHOTS")) else None


def pictures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the environment names, or a temporary one."""
    folder = SCREENSHOTS or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def browser() -> str:
    """The path of a browser; one is installed where none is found.

    The system's packages come first, for which one must be root; then Playwright's own installer, which
    writes into the user's cache. Without a browser the tests of the UI are skipped, and fail where `CI`
    is set.
    """
    # Of the processes that run tests, one installs it.
    with FileLock(Path(tempfile.gettempdir()) / f"stockjax-tests-browser-{os.getuid()}.lock"):
        found = found_browser()
        if not found:
            _install_with_apt()
            found = found_browser()
        if not found:
            _run(sys.executable, "-m", "playwright", "install", "chromium")
            found = found_browser()
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(NO_BROWSER, pytrace=False)
    pytest.skip(NO_BROWSER)


def found_browser() -> str | None:
    """The path of a browser of this machine, or of Playwright's in the user's cache; None without one."""
    of_system = next((path for path in map(shutil.which, BROWSERS) if path), None)
    return of_system or _browser_of_playwright()


def _browser_of_playwright() -> str | None:
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    caches = Path(folder) if folder else user_cache_path("ms-playwright")
    found = sorted(caches.glob("chromium-*/chrome-*/chrome"))
    return str(found[-1]) if found else None


def _install_with_apt() -> None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        _run("apt-get", "--quiet", "update")
        _run("apt-get", "--quiet", "install", "--yes", "--no-install-recommends", "chromium")


def _run(*command: str) -> None:
    """Run an installer; whether it has worked is seen by what it has installed."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, env=quiet, capture_output=True, timeout=INSTALL_SECONDS, check=False)
