"""From a line of words to ranked hits that say why they are there."""
