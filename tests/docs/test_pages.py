"""The pages of the documentation, walked through as a reader would."""

from tests.docs.walk import Walk


def test_tutorial(tutorial: Walk) -> None:
    assert "Traceback" not in (tutorial.folder / ".server").read_text()
