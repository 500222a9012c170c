"""What goes wrong with a vendor's answer: functions from the right answer to another."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.support.yahoo_payload import NOT_FOUND

JSON, HTML, TEXT = "application/json;charset=utf-8", "text/html;charset=utf-8", "text/plain;charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire: after `held_for` seconds, and only the first half if it breaks off."""

    body: bytes
    content_type: str = JSON
    code: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    held_for: float = 0.0
    breaks_off: bool = False


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one chart answer; `forever` repeats it from then on."""

    name: str
    spoil: Callable[[Answer], Answer]
    forever: bool = False


def forever(fault: Fault) -> Fault:
    """The same fault for every request from then on; only the last of several faults can be that."""
    return replace(fault, forever=True)


def as_usual() -> Fault:
    """Nothing goes wrong: a place in the row of faults for a request that succeeds."""
    return Fault("as usual", lambda answer: answer)


def status(code: int, body: str | None = None) -> Fault:
    """That HTTP status; without `body`, the text that Yahoo sends with it."""
    text = body if body is not None else STATUS_BODIES.get(code, "")
    return Fault(f"status {code}", lambda answer: replace(answer, code=code, **_content(text)))


def hang(seconds: float) -> Fault:
    """The right answer, that long afterwards; no answer if the server closes before."""
    return Fault(f"hang {seconds} s", lambda answer: replace(answer, held_for=seconds))


def reset() -> Fault:
    """The connection is reset in the middle of the answer."""
    return Fault("reset", lambda answer: replace(answer, breaks_off=True))


def empty_body() -> Fault:
    """Status 200 and nothing else."""
    return Fault("empty body", lambda answer: replace(answer, body=b"", code=200))


def html() -> Fault:
    """Status 200 and a page for people."""
    page = "<!DOCTYPE html><html><head><title>Yahoo</title></head><body>Please agree.</body></html>"
    return Fault("html", lambda answer: replace(answer, code=200, **_content(page)))


def will_be_right_back() -> Fault:
    """Status 200 and the sentence that Yahoo shows while it is down."""
    return Fault(
        "will be right back", lambda answer: replace(answer, code=200, **_content("Will be right back"))
    )


def truncated_json() -> Fault:
    """The first half of the JSON text, with headers that match it."""
    return Fault("truncated json", lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))


def no_result() -> Fault:
    """Status 200 and an empty list of results."""
    return status(200, '{"chart":{"result":[],"error":null}}')


def missing_meta() -> Fault:
    """The meta does not say in which time zone the exchange is."""

    def change(result: dict[str, Any]) -> None:
        result["meta"].pop("exchangeTimezoneName")

    return rewritten("missing meta", change)


def wrong_types() -> Fault:
    """All closes are words."""

    def change(result: dict[str, Any]) -> None:
        result["indicators"]["quote"][0]["close"] = ["plenty"] * len(result["timestamp"])

    return rewritten("wrong types", change)


def nulls() -> Fault:
    """The middle bar is null in all arrays."""

    def change(result: dict[str, Any]) -> None:
        for values in _arrays(result).values():
            values[len(values) // 2] = None

    return rewritten("nulls", change)


def null_closes() -> Fault:
    """The middle bar has no close; everything else of it is there, the adjusted close too."""

    def change(result: dict[str, Any]) -> None:
        closes = result["indicators"]["quote"][0]["close"]
        closes[len(closes) // 2] = None

    return rewritten("null closes", change)


def unequal_lengths() -> Fault:
    """One close too few."""

    def change(result: dict[str, Any]) -> None:
        result["indicators"]["quote"][0]["close"].pop()

    return rewritten("unequal lengths", change)


def duplicate_timestamps() -> Fault:
    """The middle bar comes twice, the second time with closes 1 % higher."""

    def change(result: dict[str, Any]) -> None:
        moments = result["timestamp"]
        middle = len(moments) // 2
        moments.insert(middle, moments[middle])
        for name, values in _arrays(result).items():
            other = values[middle] * 1.01 if name in {"close", "adjclose"} else values[middle]
            values.insert(middle + 1, other)

    return rewritten("duplicate timestamps", change)


def rewritten(name: str, change: Callable[[dict[str, Any]], None]) -> Fault:
    """An answer whose result is changed, unless it has no bars."""

    def spoil(answer: Answer) -> Answer:
        document = json.loads(answer.body)
        results = document["chart"]["result"]
        if not results or "timestamp" not in results[0]:
            return answer
        change(results[0])
        return replace(answer, body=as_json(document))

    return Fault(name, spoil)


def _arrays(result: dict[str, Any]) -> dict[str, list[Any]]:
    return {**result["indicators"]["quote"][0], **result["indicators"]["adjclose"][0]}


def _content(text: str) -> dict[str, Any]:
    kind = {"{": JSON, "<": HTML}.get(text[:1], TEXT)
    return {"body": text.encode(), "content_type": kind}


def as_json(value: Any) -> bytes:
    """A document as the vendor writes it: without numbers that JSON does not know."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


INVALID_CRUMB = {
    "finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}
}
STATUS_BODIES = {
    401: json.dumps(INVALID_CRUMB),
    404: as_json(NOT_FOUND).decode(),
    429: "Too Many Requests\r\n",
    500: "<html><body><h1>500 Internal Server Error</h1></body></html>",
    503: "<html><body><h1>503 Service Unavailable</h1></body></html>",
    999: "<html><body>Unable to process request at this time -- error 999.</body></html>",
}
