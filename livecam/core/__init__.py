"""The values that flow through the line, and the small tools: numpy and stdlib only."""
