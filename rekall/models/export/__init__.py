"""From a sentence-transformers checkpoint to a model folder, without torch."""
