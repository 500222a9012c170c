SELECT DISTINCT ticker FROM models WHERE ticker IS NOT NULL AND NOT coalesce(replayed, false) ORDER BY ticker;
