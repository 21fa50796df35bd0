"""Frames, messages and the client; knows no target."""
