"""The Django project that every variant runs: one protected view, the middleware of `startproject`."""
