"""How the native interaction model is made: voices, clip bank, task generators, training. Not installed."""
