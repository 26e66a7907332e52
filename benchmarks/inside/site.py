"""What the HTTP case needs of a worker: the Authorization header of a good and of a spoiled credential."""

from . import credentials, requests


def headers() -> tuple[str, str]:
    (extra,) = requests.asked().extras
    if not extra:
        return "", ""
    return extra["HTTP_AUTHORIZATION"], credentials.spoiled(extra)["HTTP_AUTHORIZATION"]
