"""Ears and a voice around an interaction model that only reads and writes, so that it hears and speaks."""
