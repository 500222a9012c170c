"""A source and a feature for stockjax."""
