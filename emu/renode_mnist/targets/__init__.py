"""The places that run the firmware, one file each, behind one small protocol (`base`)."""
