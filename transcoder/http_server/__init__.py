"""HTTP is served from here, for the API and for ONVIF alike: connections with deadlines, few at a time."""
