"""The temporary Prefect server: lives until its standard input closes."""

import gc
import sys
import threading

import uvicorn

from stockjax.imports import importing


def serve(port: int) -> None:
    """Serve Prefect's API on the loopback interface until the process that started this one ends."""
    with importing():
        from prefect.server.api.server import create_app  # noqa: PLC0415  this import is meant

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(ephemeral=True),
            host="127.0.0.1",
            port=port,
            log_level="error",
        )
    )

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run()
    # Python would look through everything once more before the process ends.
    gc.freeze()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
