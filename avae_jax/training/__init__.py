"""Training: the step, the loop, the work directory, checkpoints, restoring."""
