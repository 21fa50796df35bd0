"""What a firmware scores over a data set, by as many workers as there are."""
