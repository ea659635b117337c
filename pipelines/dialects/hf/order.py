"""Results in the order of the log, which is the order in which transformers hands them to a template.

A conversation has them in the order of their calls, as models without ids need them. Many chat templates write no ids either; but what such a model
reads when it runs is what was logged.
"""

from __future__ import annotations

from itertools import accumulate, chain, groupby

from msgspec.structs import replace

from pipelines.dialects.overflow import Work


def as_logged(work: Work) -> Work:
    """The work with the results that follow one another in the order of the log, and with their images."""
    if all(message.answered is None for message in work.messages):
        return work
    order = list(chain.from_iterable(_logged(work, list(places)) for _, places in groupby(range(len(work.messages)), lambda i: work.messages[i].role)))
    ends = list(accumulate([len(message.image_at) for message in work.messages], initial=0))
    return replace(
        work,
        messages=tuple([work.messages[i] for i in order]),
        images=tuple([image for i in order for image in work.images[ends[i] : ends[i + 1]]]),
        places=tuple([work.places[i] for i in order]),
    )


def _logged(work: Work, places: list[int]) -> list[int]:
    """These places of messages of one role, in the order of the log."""
    answered = [work.messages[i].answered for i in places]
    return [i for _, i in sorted((found.logged if found else k, i) for k, (i, found) in enumerate(zip(places, answered, strict=True)))]
