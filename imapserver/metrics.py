"""What this process counts of connections and of the relay."""

from collections.abc import Iterator

from prometheus_client import Gauge
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from commands.metrics import registry

ENGINE_UP = Gauge("imapx_engine_up", "1: the mail engine has answered when it was asked last.", registry=registry)
CONNECTIONS = Gauge("imapx_connections", "Clients that are connected, by listener.", ["listener"], registry=registry)


class Relayed(Collector):
    """Plain numbers that the event loop alone adds to: a Counter's lock would cost more than all else of a chunk."""

    __slots__ = ("down", "up")

    def __init__(self) -> None:
        self.up = 0
        self.down = 0

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily("imapx_relayed_octets", "Octets of mail commands and responses.", labels=["to"])
        family.add_metric(["engine"], self.up)
        family.add_metric(["client"], self.down)
        yield family


relayed = Relayed()
registry.register(relayed)
