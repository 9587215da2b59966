"""What each kernel means, in NumPy: same name, same signature, same result bit for bit. The kernels' docstrings hold.

Written to be read, not to be fast, and by another method than the kernel wherever there is one.
"""
