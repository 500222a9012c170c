"""From prices to rows of the ledger: tonight's forecast and its replays."""
