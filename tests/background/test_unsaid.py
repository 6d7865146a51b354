"""A result after partial notes."""

import pytest

from counterpoint.background.unsaid import unsaid


@pytest.mark.parametrize(
    ("answer", "said", "rest"),
    [
        ("The 10:14, platform 3.", [], "The 10:14, platform 3."),
        ("It leaves at 10:14. Platform 3.", ["It leaves at 10:14."], "Platform 3."),
        ("It leaves  at\n10:14. Platform 3.", ["It leaves at 10:14"], "Platform 3."),
        ("It leaves at 10:14, from platform 3.", ["It leaves at 10:14."], "from platform 3."),
        ("One. Two. Three.", ["One.", "Two."], "Three."),
        ("One. Two. Three.", ["I am looking.", "One.", "Two."], "Three."),
        ("One. Two.", ["One.", "Two."], ""),
        ("One. Two.", ["Two."], "One. Two."),
        ("It leaves at 10:145.", ["It leaves at 10:14"], "It leaves at 10:145."),
        ("Yes (certainly) + more", ["yes (certainly)"], "+ more"),
        ("It costs 5.", [" ... "], "It costs 5."),
        ("It is now -5 degrees.", ["It is now"], "-5 degrees."),
        ("It leaves at 10:14.", ["It leaves at 10"], "It leaves at 10:14."),
    ],
)
def test_a_result_leaves_out_what_partial_notes_have_told(answer, said, rest):
    assert unsaid(answer, said) == rest
