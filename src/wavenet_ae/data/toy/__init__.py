"""The built-in corpus: synthetic speech with known phones."""
