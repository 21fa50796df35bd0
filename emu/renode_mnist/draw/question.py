"""What a worker is asked about a picture."""

from enum import StrEnum


class Question(StrEnum):
    """In the order in which they are answered where both wait."""

    CLASSIFY = "classify"
    LOOK = "look"
