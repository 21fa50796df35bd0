"""The network on the PC: data, training, export, inspection, pre-processing; knows no target."""
