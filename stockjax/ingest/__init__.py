"""From a source into the warehouse: what is asked for, judged, stored and accounted for."""

from stockjax.ingest.ingest import Ingest, Ingested

__all__ = ["Ingest", "Ingested"]
