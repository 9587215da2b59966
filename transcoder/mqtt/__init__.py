"""This room is the MQTT side of control: topics, commands and discovery, and the shell that speaks to a broker."""
