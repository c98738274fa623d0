"""Text of users and programs on its way to a page."""


def visible(text: str) -> str:
    """Return `text` with each character written out that a browser would obey or hide: controls, bidi, blanks.

    HTML escaping leaves them in place. What the writer of the record made visible stays as it is.
    """
    return text if text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
