"""What this process counts of executions, refusals, logins and the record. No label is what a client may choose."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

registry = CollectorRegistry()
"""Of this process; imapserver/metrics.py adds to it."""

ProcessCollector(registry=registry)

EXECUTIONS = Counter("imapx_executions", "Executions that have ended.", ["verb", "outcome"], registry=registry)
DURATION = Histogram(
    "imapx_execution_duration_seconds",
    "From accept to end.",
    ["verb"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
    registry=registry,
)
RUNNING = Gauge("imapx_executions_running", "Executions that run, or are being decided.", registry=registry)
REFUSALS = Counter("imapx_refusals", "Attempts that were refused: nothing has run.", ["outcome"], registry=registry)
LOGINS = Counter("imapx_logins", "Logins, and tries.", ["door", "outcome"], registry=registry)
AUDIT_WAIT = Histogram(
    "imapx_audit_wait_seconds",
    "How long a unit waited for its commit, or until it was given up.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
    registry=registry,
)
AUDIT_QUEUE = Gauge("imapx_audit_queue", "Units that wait for the audit writer.", registry=registry)
AUDIT_LAG = Gauge(
    "imapx_audit_lag_seconds", "How long the oldest unit that is not written yet has waited.", registry=registry
)
