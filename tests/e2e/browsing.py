"""A browser without a window, and where the pictures of what it showed are kept."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "the tests of the UI need a browser and found none; install one (Debian: apt-get install chromium)"
)
SCREENSHOTS = Path(named) if (named := os.environ.get("SCREENSHOTS")) else None


def pictures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the environment names, or a temporary one."""
    folder = SCREENSHOTS or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def browser() -> str:
    """The path of a browser of this machine; where we may, it is installed."""
    # Of the processes that run tests, one installs it.
    with FileLock(Path(tempfile.gettempdir()) / "stockjax-tests-browser.lock"):
        if not (found := found_browser()) and shutil.which("apt-get") and os.geteuid() == 0:
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
                subprocess.run(
                    ["apt-get", "--quiet", *arguments],
                    env=quiet,
                    capture_output=True,
                    timeout=600,
                    check=False,
                )
            found = found_browser()
    return found or pytest.fail(NO_BROWSER, pytrace=False)


def found_browser() -> str | None:
    """The path of a browser of this machine, if there is one."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)
