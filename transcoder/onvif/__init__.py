"""A device that VMSs can add: the services of ONVIF, as far as recorders ask for them, over our own streams."""
