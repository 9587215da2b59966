"""The twins define each kernel in NumPy: same name, same signature, same result bit for bit.

A kernel's docstring is also that of its twin. The twins are written to be read, not to be fast, and they use another
method than the kernel wherever there is one.
"""
