"""Renode and pyrenode3: what is installed where, and how to get it. Neither is in a package registry."""
