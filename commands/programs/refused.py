class RefusedError(Exception):
    """What the mail user asked for is not done, and nothing was changed; the text says why, for that user."""
