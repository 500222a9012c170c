INSERT INTO moved BY NAME FROM score_terms($tickers, $session::DATE - 1, $session::DATE);
