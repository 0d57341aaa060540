"""Built-in corpus: synthetic speech with known phones."""
