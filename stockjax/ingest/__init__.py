"""From a source into the warehouse: what is asked for, judged, stored and accounted for."""

from stockjax.ingest.ingest import Ingest
from stockjax.ingest.ingested import Ingested

__all__ = ["Ingest", "Ingested"]
