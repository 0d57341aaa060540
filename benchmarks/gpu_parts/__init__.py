"""Parts of gpu.py, one idea a file; each runs in a process of its own."""
