"""Robot Framework's suites, run in several processes and reported as one run; knows nothing of firmware."""
