"""The groups of the command line, one file each: faces without logic of their own."""
