"""What devices do to tables: the protocol, and the kernels of each device. Must not know plans or runners."""
