-- Those with a few new sessions at the end are scored session by session, the others ticker by ticker.
SELECT ticker, newest, sessions, sessions <= $few AND NOT has_gaps AS at_the_end FROM due WHERE sessions > 0 ORDER BY ticker;
