"""Groups, and the counts that Loomio keeps of what belongs to them."""
