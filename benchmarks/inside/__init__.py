"""What runs in the worker processes, where Django is set up for one variant."""
