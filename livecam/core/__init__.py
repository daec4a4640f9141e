"""The values that flow through the line, and the small tools every part uses: numpy and stdlib only."""
