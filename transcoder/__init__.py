"""A gateway between legacy IP cameras and any video management system."""
