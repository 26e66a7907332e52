"""Settings of one variant, told by the environment: BENCH_VARIANT, BENCH_DATABASE (JSON), BENCH_FOLDER."""

import json
import os
from pathlib import Path

from benchmarks.variants import BY_NAME

BENCH_VARIANT = BY_NAME[os.environ["BENCH_VARIANT"]]
_FOLDER = Path(os.environ["BENCH_FOLDER"])

SECRET_KEY = "for benchmarks only: long enough for every HMAC that is keyed with it, HS512 included."
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    *json.loads(os.environ.get("BENCH_APPS") or json.dumps(BENCH_VARIANT.apps)),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "static/"
ROOT_URLCONF = "benchmarks.project.urls"
WSGI_APPLICATION = "benchmarks.project.wsgi.application"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [BENCH_VARIANT.authentication],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
HEADLESS_ONLY = True
HEADLESS_FRONTEND_URLS: dict[str, str] = {}
if "allauth.headless" in INSTALLED_APPS:
    MIDDLEWARE.append("allauth.account.middleware.AccountMiddleware")
    HEADLESS_JWT_PRIVATE_KEY = (_FOLDER / "rsa.pem").read_text()

globals().update(BENCH_VARIANT.settings)
