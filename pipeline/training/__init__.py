"""Training: the Lightning module, its callbacks, and runs that can be killed and go on."""
