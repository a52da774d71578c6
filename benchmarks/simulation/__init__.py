"""A simulation of the scheduler: real plans and real placement over tables that are not there."""
