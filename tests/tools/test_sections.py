"""How documents are taken apart into passages that can be quoted with their place."""

import pytest

from counterpoint.tools.html_text import Link, read_html
from counterpoint.tools.sections import PASSAGE, Section, take_apart


def test_markdown_passages_stand_under_their_headings() -> None:
    document = take_apart(
        "Before.\n\n# Guide\nHello.\n\n## Install ##\nRun it.\n\n"
        "Setext\n------\nOld style.\n\n# Other {#other}\nEnd.\n",
        ".md",
    )
    assert document.title == "Guide"
    assert document.passages == (
        Section("", "Before."),
        Section("Guide", "Hello."),
        Section("Guide > Install", "Run it."),
        Section("Guide > Setext", "Old style."),
        Section("Other", "End."),
    )


def test_a_hash_inside_a_code_fence_is_no_heading() -> None:
    document = take_apart("# Shell\n```sh\n# a comment\nls\n```\n~~~\n```\n# still code\n~~~\ndone", ".md")
    assert [passage.heading for passage in document.passages] == ["Shell"]
    assert "# still code\n~~~\ndone" in document.passages[0].text


def test_front_matter_gives_the_title_and_is_left_out() -> None:
    document = take_apart('---\ntitle: "Ferries"\ndraft: true\n---\nBody.', ".md")
    assert document.title == "Ferries"
    assert document.passages == (Section("", "Body."),)


def test_a_table_or_a_rule_is_no_heading() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n\ntext\n\n---\n\nmore"
    assert take_apart(text, ".md").passages == (Section("", text),)


def test_restructured_text_headings_get_their_level_from_their_order() -> None:
    document = take_apart(
        "=====\nGuide\n=====\n\nHello.\n\nInstall\n-------\nRun it.\n\nMore\n~~~~\nDetails.\n\nUse\n---\nEnd.", ".rst"
    )
    assert document.title == "Guide"
    assert document.passages == (
        Section("Guide", "Hello."),
        Section("Guide > Install", "Run it."),
        Section("Guide > Install > More", "Details."),
        Section("Guide > Use", "End."),
    )


def test_html_is_read_as_its_text() -> None:
    document = take_apart(
        "<html><head><title>The &amp; Guide</title><style>p{}</style></head><body><script>alert(1)</script>"
        "<h1>Guide</h1><p>Hello <b>there</b>.</p><p>Again</p><h2>In\nstall</h2><pre>a\n  b</pre><ul><li>x<li>y</ul>",
        ".html",
    )
    assert document.title == "The & Guide"
    assert document.passages == (
        Section("Guide", "Hello there.\n\nAgain"),
        Section("Guide > In stall", "a\n  b\n\nx\n\ny"),
    )


def test_links_of_a_page_keep_their_text() -> None:
    page = read_html('<a href="/a">To\n <b>A</b></a> <a name=x>no link</a><a href="b.html"></a>')
    assert page.links == (Link("To A", "/a"), Link("", "b.html"))


@pytest.mark.parametrize(
    "html",
    ["<", "<a", "<a href=", "</p></p></script>", "<![CDATA[x", "<!--", "<script>", "&#xFFFFFFFF;", "<p" * 1000, ""],
)
def test_malformed_html_does_no_harm(html: str) -> None:
    read_html(html + "text")


@pytest.mark.parametrize(
    "hostile", ["<!--", "<![CDATA[", "<a ", "<a b='", '<a b="', "</", "<", "<title></title", "<svg>", "&#", "<p><pre>"]
)
def test_hostile_html_takes_no_longer_than_other_html(hostile: str) -> None:
    """A parser that looks ahead at each of these would need hours for this."""
    read_html(hostile * (1_000_000 // len(hostile)))
    read_html(f"<title>{'</title' * 100_000}")


def test_code_is_taken_apart_at_its_definitions() -> None:
    document = take_apart(
        "import x\n\nasync def sail(to):\n    pass\n\nclass Ferry(Boat):\n    def go(self):\n        ...", ".py"
    )
    assert document.title == ""
    assert [passage.heading for passage in document.passages] == ["", "async def sail", "class Ferry"]
    assert document.passages[2].text == "class Ferry(Boat):\n    def go(self):\n        ..."


def test_windows_line_ends_are_line_ends() -> None:
    assert take_apart("# A\r\ntext\r\n", ".md").passages == (Section("A", "text"),)


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(f"Paragraph {number}. " + "word " * 40 for number in range(50)),
        "Sentence that goes on. " * 500,
        "word " * 2_000,
        "x" * 10_000,
        "line\n" * 2_000,
    ],
)
def test_long_text_becomes_passages_of_bounded_length_and_nothing_is_lost(text: str) -> None:
    passages = take_apart(text, ".txt").passages
    assert all(0 < len(passage.text) <= PASSAGE for passage in passages)
    assert "".join("".join(passage.text for passage in passages).split()) == "".join(text.split())
    assert len(passages) < 3 * len(text) / PASSAGE + 2


@pytest.mark.parametrize("suffix", [".md", ".rst", ".html", ".py", ".txt", ".unknown", ""])
def test_an_empty_document_has_no_passages(suffix: str) -> None:
    assert take_apart("", suffix).passages == ()
    assert take_apart(" \n\n ", suffix).passages == ()
