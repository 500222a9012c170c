-- Forecasts that enter or leave a window.
CREATE OR REPLACE TEMP TABLE moved (
    ticker VARCHAR, model VARCHAR, origin VARCHAR, session DATE,
    square HUGEINT,
    absolute HUGEINT,
    relative HUGEINT,
    return_square HUGEINT,
    return_absolute HUGEINT,
    paired_square HUGEINT,
    walk_square HUGEINT,
    paired_absolute HUGEINT,
    walk_absolute HUGEINT,
    told HUGEINT,
    right_direction HUGEINT,
    pinball HUGEINT,
    paired_pinball HUGEINT,
    har_pinball HUGEINT,
    winkler_90 HUGEINT,
    width_90 HUGEINT,
    inside_50 HUGEINT,
    inside_90 HUGEINT,
    late HUGEINT
);
