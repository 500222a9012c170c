-- Scores that keep up with a large ledger: what nights read is kept small, and what has changed is on record.

CREATE TABLE newest_forecasts AS
SELECT *
FROM forecasts
WHERE origin IN ('nightly', 'catchup')
QUALIFY row_number() OVER (
    PARTITION BY ticker, model ORDER BY as_of DESC, origin = 'nightly' DESC
) = 1;

CREATE TABLE unscored (
    ticker VARCHAR NOT NULL,
    first_session DATE NOT NULL
);

CREATE TABLE metric_windows (window_sessions INTEGER NOT NULL);
INSERT INTO metric_windows VALUES (21), (63), (252);

CREATE TABLE unit_changes (
    ticker VARCHAR NOT NULL,
    session DATE NOT NULL,
    log_change DOUBLE NOT NULL
);

CREATE TABLE window_sums (
    ticker VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    session DATE NOT NULL,
    window_sessions INTEGER NOT NULL,
    n BIGINT NOT NULL,
    square HUGEINT,
    absolute HUGEINT,
    relative HUGEINT,
    return_square HUGEINT,
    return_absolute HUGEINT,
    paired_square HUGEINT,
    walk_square HUGEINT,
    paired_absolute HUGEINT,
    walk_absolute HUGEINT,
    with_direction HUGEINT,
    right_direction HUGEINT,
    pinball HUGEINT,
    paired_pinball HUGEINT,
    har_pinball HUGEINT,
    winkler_90 HUGEINT,
    width_90 HUGEINT,
    inside_50 HUGEINT,
    inside_90 HUGEINT
);

CREATE TABLE storage_order (
    table_name VARCHAR NOT NULL,
    run_after TIMESTAMP NOT NULL,
    sorted_through TIMESTAMP NOT NULL
);
INSERT INTO storage_order VALUES ('forecasts', '1970-01-01', '1970-01-01'), ('prices', '1970-01-01', '1970-01-01');

-- Scores are sums of fixed-point numbers from now on: all of them are made again, once.
INSERT INTO unscored SELECT ticker, min(session) FROM prices GROUP BY ticker;
