-- A vendor's numbers carry the noise of its own rounding; what is below a millionth is not news.
CREATE OR REPLACE MACRO differs(stored, incoming) AS
    stored IS DISTINCT FROM incoming AND coalesce(abs(stored - incoming) > 1e-6 * abs(stored), true);
COMMENT ON MACRO differs IS 'Whether two numbers differ by more than a millionth, or one is missing.';
