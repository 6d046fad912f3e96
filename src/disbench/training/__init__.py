"""Training: the loop, its checkpoints, images on the device, encoding."""
