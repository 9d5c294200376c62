"""Who does the work: takes jobs from the queues and has workers perform them."""
