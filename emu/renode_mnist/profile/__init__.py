"""Where the instructions of one inference went: call tree, functions of layers, lines, coverage."""
