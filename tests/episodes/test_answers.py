"""The hashes by which the same answer is found in other records."""

from pipelines.episodes.answers import answers_in
from pipelines.records import Message


def test_arguments_are_the_same_whatever_their_blanks_and_the_order_of_their_keys():
    written = ['{"a": 1, "b": [2]}', '{"b":[2],"a":1}', '{"a": 1,\n "b": [2]}', '{"a": 1, "b": [3]}', '{"a": 1']
    chains = [answers_in("s", "e", None, [Message("user", "q"), Message("assistant", text, "run")])[0].chain for text in written]
    assert chains[0] == chains[1] == chains[2]
    assert len(set(chains)) == 3
