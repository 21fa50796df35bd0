"""The package's version: pyproject.toml reads it from here, and so does whoever shows it."""

VERSION = "0.1.0"
