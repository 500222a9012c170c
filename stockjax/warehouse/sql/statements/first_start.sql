SELECT min(start) FROM due;
