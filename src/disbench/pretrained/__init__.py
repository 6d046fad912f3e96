"""Models that others trained and published, read without their software."""
