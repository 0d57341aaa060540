"""Training: Lightning modules, callbacks, checkpoints, schedules."""
