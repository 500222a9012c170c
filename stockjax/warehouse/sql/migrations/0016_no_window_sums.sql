-- Windows are summed again from the forecasts: the sums between two nights are not needed any more.

DROP TABLE window_sums;
