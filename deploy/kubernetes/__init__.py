"""Kubernetes manifests of a job: from a job file to what ``kubectl apply -k`` takes.

Knows the job specification, and the kinds of Kubernetes and of the Dask operator as plain data. Must not run anything.
"""
