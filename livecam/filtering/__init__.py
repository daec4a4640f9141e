"""What steadies pose and expression."""
