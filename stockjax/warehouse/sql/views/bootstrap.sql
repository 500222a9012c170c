-- The one bootstrap over days: which days a draw has depends on nothing but its number and how many days there are.
CREATE OR REPLACE MACRO bootstrap_draws() AS TABLE SELECT range AS draw FROM range(1000);
COMMENT ON MACRO TABLE bootstrap_draws IS 'The numbers of the draws that 95% intervals on skill are percentiles of.';

CREATE OR REPLACE MACRO drawn_day(draw, turn, days) AS hash(draw, turn) % days;
COMMENT ON MACRO drawn_day IS 'Which of so many days, 0 the newest, a draw has at a turn: whole days are drawn, because tickers move together (pairs cluster bootstrap; Cameron, Gelbach and Miller, Review of Economics and Statistics 90, 2008).';
