-- Numbers that sums add up exactly, in whatever order: multiples of 2^-70. Averages of a window are
-- then the same to the last bit, whether one session is scored or a whole history.
CREATE OR REPLACE TEMP MACRO fixed(x) AS (x * 2 ** 70)::HUGEINT;
