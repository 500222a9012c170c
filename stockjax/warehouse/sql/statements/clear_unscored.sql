DELETE FROM unscored;
