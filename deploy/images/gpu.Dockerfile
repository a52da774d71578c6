# syntax=docker/dockerfile:1
# The image of jobs, schedulers and workers on NVIDIA GPUs. From the root of the repository:
#   docker build -f deploy/images/gpu.Dockerfile -t volley-engine:0.1.0-gpu .
# The packages of RAPIDS bring CUDA's libraries; the driver (580 or newer) comes from the node, by NVIDIA's container
# toolkit. RAPIDS has pins of its own, and so a lock of its own, constraints-gpu.txt, which is that of this Python.
# For builds that can be repeated to the byte give the base by its digest:
#   --build-arg BASE=python:3.12-slim-bookworm@sha256:…     (docker buildx imagetools inspect python:3.12-slim-bookworm)
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml constraints-gpu.txt README.md LICENSE ./
COPY volley ./volley
COPY engine ./engine
COPY sql ./sql
COPY io ./io
COPY ml ./ml
COPY deploy ./deploy
# s3fs reads and writes s3://; for other stores build an image FROM this one that adds gcsfs or adlfs.
RUN python -m venv /opt/volley \
    && /opt/volley/bin/pip install -c constraints-gpu.txt ".[gpu,cluster]" s3fs

FROM ${BASE}
RUN groupadd --gid 10001 volley \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin volley
COPY --from=build /opt/volley /opt/volley
ENV PATH=/opt/volley/bin:$PATH \
    LANG=C.UTF-8 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/scratch \
    TMPDIR=/scratch \
    VOLLEY_CACHE_DIR=/scratch/volley \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# The only folder that a container needs to write besides its outputs: spilled data, compiled kernels, temporary files.
RUN install -d -o 10001 -g 10001 -m 0700 /scratch
VOLUME /scratch
WORKDIR /scratch
USER 10001:10001
CMD ["volley", "--help"]
