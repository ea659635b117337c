"""Text from a log is safe to display on a terminal or a page."""

import pytest

from pipelines.visible import one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("é谢🚄", "é谢🚄"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[31m", "␛[31m"),
        ("\x00\x1f\x7f", "␀␟␡"),
        ("\x85\x9b", "⟨U+0085⟩⟨U+009B⟩"),
        ("\u202e\u2066\u200b\ufeff", "⟨U+202E⟩⟨U+2066⟩⟨U+200B⟩⟨U+FEFF⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0001", "⟨U+E0001⟩"),
        ("a\u200db\u200cc", "a\u200db\u200cc"),  # the joiners of emoji and syllables
        ("\xa0", "\xa0"),
    ],
)
def test_characters_that_control_a_terminal_become_visible_signs(text: str, shown: str):
    assert visible(text) == shown


def test_line_ends_and_tabs_are_kept_unless_the_text_is_for_one_line():
    assert visible("a\nb\tc", keep="") == "a␊b␉c"
    assert one_line("a\nb", 3) == "a␊b"


@pytest.mark.parametrize(("most", "shown"), [(4, "abcd"), (3, "abc…"), (0, "…")])
def test_a_text_that_is_too_long_ends_in_an_ellipsis(most: int, shown: str):
    assert one_line("abcd", most) == shown
