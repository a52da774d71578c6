"""The runner over a Dask cluster: stages as grouped tasks, rows from worker to worker, lost rows made again.

The client plans, lowers and decides between stages (`coordinator`, `units`, `placement`); workers run groups of a
stage's units with the code that the local runner uses (`work`) and hold their outputs in the exchange until the query
ends (`plugin`). Dask's scheduler sees one task per group, never a row. Imported only where a session names a cluster.
"""

from .cluster import Cluster
from .launch import ClusterSettings, gpu_protocol, start_cluster
from .runner import DaskRunner

__all__ = ["Cluster", "ClusterSettings", "DaskRunner", "gpu_protocol", "start_cluster"]
