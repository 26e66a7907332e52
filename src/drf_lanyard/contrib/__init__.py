"""One thin package per neighbour: an app of its own that needs the package of that neighbour."""
