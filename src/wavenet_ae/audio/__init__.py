"""Reading and writing recordings, and the acoustic features that models compute from waveforms."""
