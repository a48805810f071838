"""What the registry holds, as a local index: the pages are answered from it, never from the registry."""
