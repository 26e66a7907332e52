"""A process that pushes and ends, as a worker that is told to stop does: `python -m tests.push.leaving TOKEN [ID]`.

With an ID it revokes that session first.
"""

import sys


def main(token: str, session: str = "") -> None:
    import django

    django.setup()
    from drf_lanyard import revoke_session

    from .worker import connected

    assert connected(token)
    if session:
        assert revoke_session(session)


if __name__ == "__main__":
    main(*sys.argv[1:])
