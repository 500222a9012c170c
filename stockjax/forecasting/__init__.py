"""From prices to rows of the ledger."""
