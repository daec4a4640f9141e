"""The values that the stages exchange, and small tools: numpy and the standard library only."""
