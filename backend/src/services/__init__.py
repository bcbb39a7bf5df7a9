"""Use cases of the graph. Each public function is one transaction."""
