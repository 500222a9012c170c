INSERT INTO moved BY NAME FROM score_terms($tickers, $first, $session::DATE - 1, $session::DATE);
