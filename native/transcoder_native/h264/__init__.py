"""This package codes P pictures of H.264 (ITU-T H.264, 8 bits, 4:2:0, frames) whose cost follows motion.

``layout`` says where samples and macroblocks (MBs) lie in memory, ``memory`` reads and writes there by address. Names
are those of the standard: mb, mvd, coded_block_pattern, QP.
"""
