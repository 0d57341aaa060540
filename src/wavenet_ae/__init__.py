"""Learn discrete or continuous units from raw speech."""
