"""What devices do to tables: the protocol, and the kernels of each device. Must not know plans or runners.

What knows nothing of a device stands here, beside them: ``evaluation`` of expressions, ``frames`` of windows, Arrow
``constants``, users' functions compiled (``userfunctions``), and ``failures``, the words of errors.
"""
