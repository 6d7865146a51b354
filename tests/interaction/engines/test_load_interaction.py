import pytest

from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.load import load_interaction, settings_of
from counterpoint.interaction.engines.settings import SMALL_MODEL, Delegating, Telling


@pytest.mark.parametrize("name", ["smollm2", "openai:gpt", "local:", "", "local"])
def test_a_name_that_is_not_known_says_what_is(name: str) -> None:
    with pytest.raises(ConfigurationError, match="local:smollm2, local:FOLDER"):
        load_interaction(name)


def test_a_folder_without_a_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        load_interaction("local:/nowhere/at/all")


def test_settings_follow_the_name() -> None:
    settings = settings_of("delegate=tags&notes=context&words_per_beat=0.6&prefill_tokens=64")
    assert settings.delegate is Delegating.TAGS
    assert settings.notes is Telling.CONTEXT
    assert settings.words_per_beat == 0.6
    assert settings.prefill_tokens == 64
    assert settings_of("") == SMALL_MODEL


@pytest.mark.parametrize("query", ["delegate=perhaps", "speed=2", "pace", "prefill_tokens=many"])
def test_settings_that_are_not_known_say_which_are(query: str) -> None:
    with pytest.raises(ConfigurationError, match="known are: delegate, notes"):
        settings_of(query)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be positive"):
        settings_of("prefill_tokens=0")
