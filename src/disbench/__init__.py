"""disbench trains, measures and compares disentangled representations."""
