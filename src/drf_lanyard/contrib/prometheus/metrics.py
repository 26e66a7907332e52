"""The metrics, in prometheus_client's default registry. No label is about a token or a user.

`multiprocess_mode` says what becomes of a gauge when the files of several processes are read together
(PROMETHEUS_MULTIPROC_DIR): every process holds the same log, so they are not added up.
"""

from prometheus_client import Counter, Gauge, Histogram

#: Reasons that have a label of their own. A project's own reasons may be of any number: they are "other".
REASONS = frozenset(
    {
        "admin",
        "claims_changed",
        "command",
        "deactivated",
        "deleted",
        "evicted",
        "logout",
        "logout_all",
        "logout_others",
        "not_issued",
        "password_changed",
        "refresh_reused",
        "replaced",
        "revoked",
        "session_expired",
        "token_revoked",
        "user_inactive",
    }
)

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LEASE = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0)

revocations = Counter("lanyard_revocations", "Entries that this process has put into the log", ["reason"])
reads = Counter("lanyard_reads", "Reads of the revocation log", ["outcome"])
read_seconds = Histogram("lanyard_read_seconds", "One statement that reads the log", buckets=_FAST)
entries_applied = Counter("lanyard_log_entries_applied", "Entries of the log that were new to this process")
snapshot_age_seconds = Histogram(
    "lanyard_snapshot_age_seconds",
    "Age of a snapshot when the next one replaced it, at most LEASE: what a revocation may take without push",
    buckets=_LEASE,
)
last_read = Gauge(
    "lanyard_last_read_timestamp_seconds", "When the log was last read well (Unix time)", multiprocess_mode="livemax"
)
live_entries = Gauge(
    "lanyard_live_entries", "Revocations held in memory, by what they revoke", ["kind"], multiprocess_mode="livemax"
)
request_wait_seconds = Histogram(
    "lanyard_request_wait_seconds", "Waits of requests for a read that let them go on", buckets=_FAST
)
outage_refusals = Counter(
    "lanyard_outage_refusals", "Requests refused since nobody could say what is revoked (503 store_unavailable)"
)
cache_hits = Counter("lanyard_cache_hits", "Tokens that the process knew already", ["token"])
cache_misses = Counter("lanyard_cache_misses", "Genuine tokens that the process had to verify or look up", ["token"])
push_connected = Gauge(
    "lanyard_push_connected", "1 while what pushes is connected", ["push"], multiprocess_mode="livemostrecent"
)
push_messages = Counter("lanyard_push_messages", "Messages that were pushed to this process", ["push"])
