"""Recordings to codes, and speech from recordings, codes or nothing: files in, files out."""
