from tests.transports.fixtures import afresh, alice, browser

__all__ = ["afresh", "alice", "browser"]
