"""The temporary Prefect server: reads its port from its standard input, and lives until that closes."""

import gc
import sys
import threading

from stockjax.imports import importing


def main() -> None:
    """Serve Prefect's API on the loopback interface until the process that started this one ends."""
    with importing():
        import uvicorn  # noqa: PLC0415  these imports are meant
        from prefect.server.api.server import create_app  # noqa: PLC0415

    port = sys.stdin.readline()
    if not port:
        return
    server = uvicorn.Server(
        uvicorn.Config(create_app(ephemeral=True), host="127.0.0.1", port=int(port), log_level="error")
    )

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.run()
    # Python would look through everything once more before the process ends.
    gc.freeze()


if __name__ == "__main__":
    main()
