"""Every plot: functions that take plain data and return a figure."""
