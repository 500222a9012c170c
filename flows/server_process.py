"""The temporary Prefect server: lives until its standard input closes."""

import sys
import threading

import uvicorn


def serve(port: int) -> None:
    """Serve Prefect's API on the loopback interface until the process that started this one ends."""
    server = uvicorn.Server(
        uvicorn.Config(
            "prefect.server.api.server:create_app",
            factory=True,
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


if __name__ == "__main__":
    serve(int(sys.argv[1]))
