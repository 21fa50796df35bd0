"""``renode-mnist draw``: a page in the browser on which one draws a digit for the firmware to classify.

``app`` answers the page, ``guard`` decides who may ask, ``supervisor`` keeps a process (``worker``) that owns the
target, ``choice`` knows what the page may choose between, ``view`` makes plain values of a session and a record,
``look`` of the tensors between the layers, ``case`` a test case of a drawing.
"""
