"""Which units of a group stay, and what the others cost: statistics, orders, factors, curves, low rank."""
