"""The HTTP contract: views, the shapes of bodies, limits, permissions."""
