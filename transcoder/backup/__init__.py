"""This room keeps a gateway's configuration and state in one archive, and puts them back."""
