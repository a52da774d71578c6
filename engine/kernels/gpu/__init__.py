"""The GPU device: the kernel protocol on pylibcudf 26.10. Knows no plans and no runners; nothing else knows pylibcudf.

Files have the names of those of ``cpu/`` where they correspond.

========================  ==========================================================================================
``library``               the one place that loads pylibcudf and rmm, or the simulator (``VOLLEY_SIMULATE_GPU=1``)
``memory``                the pool, a stream for each thread, retry when memory runs out, spilling, bytes that crossed
``spilling``, ``moving``  where spilled tables wait: pinned memory under a budget, then files; how they get there
``types``, ``batch``      how our types are held on the device; `GpuTable`, a schema over device columns
``transfer``              Arrow in and out
``sharing``               columns in other libraries, in place: ``interchange`` has CUDA arrays and DLPack
``registry``, ``project`` kernels by catalogue name; evaluation of expressions over one table
``fused``                 whole expressions in one pass
``fallback``              functions computed by the CPU device, with both transfers
``udf``                   numba users' functions for CUDA
``compare``, …            the kernels of the catalogue by family: ``arithmetic``, ``decimals``, ``casts``, ``text``, …
``filter``                rows
``device``                `GpuDevice`, which only puts these together
========================  ==========================================================================================

Relational kernels (``aggregate``, ``join``, ``sort``, ``topk``, ``window``, ``partition``, ``unnest``) stand on
``batch``, ``memory`` and `Evaluator` of ``project`` alone: ``keys`` has what keys and positions need, ``groups`` and
``accumulate`` what aggregation is made of, ``frames`` where windows lie. ``serialization`` is for Dask.

Rules of the room
-----------------
- ``from .library import plc``. Call pylibcudf through ``memory.run(plc.module.function, *args)``, which adds stream and
  memory resource and tries again when memory runs out; functions without a memory resource (views, copies to the host)
  through ``memory.on_stream``.
- What the protocol calls is a ``@memory.kernel``: it finishes the thread's stream before it returns, so that tables may
  go to other threads.
- A value is a column or a scalar (``registry.Value``). Reading one on the host (``to_py``) waits for the device: only
  where a decision needs it.
- What stands under a null may be anything; NaN, -0.0, overflow and order are made to follow SEMANTICS here.
"""
