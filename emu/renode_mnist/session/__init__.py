"""A talk with an opened target: opening, session, record, recording, comparison, console, its lines served."""
