"""Metrics for Prometheus: add "drf_lanyard.contrib.prometheus" to INSTALLED_APPS."""
