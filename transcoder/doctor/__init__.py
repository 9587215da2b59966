"""This room examines a machine: can the gateway run here as it is meant to, and what helps where it can't?"""
