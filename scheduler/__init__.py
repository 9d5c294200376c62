"""When: the recurring moments, and the ticks that ring them."""
