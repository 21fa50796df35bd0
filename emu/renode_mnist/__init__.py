"""Tests machine-learning firmware for the STM32F746 without the board, and then with it."""

__version__ = "0.1.0"
