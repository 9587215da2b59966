"""The MQTT side of steering: topics, commands and discovery, and the shell that speaks to a broker."""
