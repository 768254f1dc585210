"""Texts laid out in lines of styled runs; each door draws them in styles of its own."""
