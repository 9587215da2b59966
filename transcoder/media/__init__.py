"""This room holds decoder, pixel stages and encoders; no other room of the product but the laboratory uses PyAV."""
