from tests.transports.fixtures import afresh, alice, browser, credentials

__all__ = ["afresh", "alice", "browser", "credentials"]
