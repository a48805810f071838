"""A small demo fleet of images, and the pushing of made-up images that it and the tests use."""
