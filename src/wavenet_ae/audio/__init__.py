"""Recordings in and out, and the acoustic features that models compute from waveforms."""
