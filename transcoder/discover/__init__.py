"""Looks for cameras on a network and asks one over ONVIF: few questions, at a slow pace, in allowed networks alone."""
