"""Counts with their nouns, in the singular or the plural."""


def counted(count: float, noun: str) -> str:
    """
    >>> counted(1, "file"), counted(1204, "record")
    ('1 file', '1,204 records')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
