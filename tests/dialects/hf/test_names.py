"""A pattern of many names finds what a list of them would, the longest first."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pipelines.dialects.hf.names import any_of

names = st.text(alphabet="<ab|.>[", min_size=1, max_size=5)


@given(st.lists(names, min_size=1, max_size=9), st.text(alphabet="<ab|.>[x", max_size=40))
def test_the_tree_finds_what_the_list_finds(given: list[str], text: str):
    listed = "|".join(map(re.escape, sorted(given, key=len, reverse=True)))
    assert re.findall(any_of(given), text) == re.findall(listed, text)


def test_no_name_is_found_nowhere():
    assert re.search(any_of([]), "anything") is None
