"""What the graph is: its vocabulary, its rules, and the ports to where it is stored. No I/O."""
