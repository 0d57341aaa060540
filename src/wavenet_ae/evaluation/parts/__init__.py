"""Parts of an evaluation, one idea a file."""
