"""Figures and what they are held against: benchmark, comparison of commits, budgets, parity, repetition."""
