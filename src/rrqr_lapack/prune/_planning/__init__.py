"""How many units of each group stay under a budget: what is asked, what it costs, what is chosen."""
