"""Push: what makes a revocation arrive in milliseconds, and may fail in any way without being missed."""
