-- Numbers that sums add up exactly, in whatever order: multiples of 2^-70. Averages of a window are
-- then the same to the last bit, whether one session is scored or a whole history. What is larger than
-- 2^43 counts as that, so that no ticker's prices can overflow the sums of 1,260 sessions and stop
-- the scoring of all the others.
CREATE OR REPLACE TEMP MACRO fixed(x) AS CASE
    WHEN x < 2.0 ** 43 THEN (x * 2 ** 70)::HUGEINT
    WHEN x IS NOT NULL THEN (2.0 ** 113)::HUGEINT
END;
