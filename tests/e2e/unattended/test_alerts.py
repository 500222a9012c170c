"""A night of which someone is reported.

That a quiet night tells no one, and that a run does whose process dies, stands in `test_deployment.py`;
nights that missed some tickers only, and alerts that cannot be sent, in `tests/flows/test_forecast.py`.
"""

from datetime import timedelta
from pathlib import Path

from tests.e2e.unattended.conftest import ALERTS
from tests.support.live_session import live_session
from tests.support.prepared import Run
from tests.support.served import Receiver, Server, rows
from tests.support.yahoo_faults import forever, status
from tests.support.yahoo_payload import made_up_listing
from tests.support.yahoo_server import YahooServer

WHAT_TO_DO = ("what is done is not done twice", "stockjax run", "stockjax status")


def test_a_failed_night_tells_what_failed_why_and_what_to_do(
    ready: Server, receiver: Receiver, tmp_path: Path
) -> None:
    last, settled = live_session()
    with YahooServer() as vendor:
        vendor.listings["BBB"] = made_up_listing(0, last - timedelta(days=500), last)
        vendor.faults("BBB", forever(status(500)))
        environment = ready.environment(
            STOCKJAX_SOURCE="yahoo",
            STOCKJAX_YAHOO__BASE_URL=vendor.base_url,
            STOCKJAX_YAHOO__REQUESTS_PER_SECOND="0",
            STOCKJAX_YAHOO__RETRIES="0",
            **settled,
            **ALERTS,
        )
        code = Run(tmp_path / "warehouse", environment, tmp_path / "log", "BBB").wait()
    ((run_id,),) = rows(tmp_path / "warehouse", "SELECT flow_run_id FROM runs")
    assert (code, ready.get(f"flow_runs/{run_id}")["state_type"]) == (1, "FAILED")
    (message,) = receiver.about(run_id)
    assert message["subject"] == "stockjax: forecast Failed"
    body = message["body"]
    assert body.startswith(f"forecast {last} · 1 ticker: 0 of 1 tickers forecast")
    assert "Yahoo gave no prices of 'BBB': the vendor answered HTTP 500; run again later" in body
    assert all(words in body for words in WHAT_TO_DO)
    assert body.endswith(f"{ready.url}/runs/flow-run/{run_id}")
