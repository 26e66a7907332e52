from importlib.util import find_spec

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class PrometheusConfig(AppConfig):
    name = "drf_lanyard.contrib.prometheus"
    label = "lanyard_prometheus"

    def ready(self) -> None:
        if find_spec("prometheus_client") is None:
            raise ImproperlyConfigured(f'{self.name} needs prometheus-client: install "drf-lanyard[prometheus]".')
        from .exporter import exporter

        exporter.connect()
