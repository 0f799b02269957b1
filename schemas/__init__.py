"""What goes over the wire: reading and checking messages; knows nothing of the receiver."""
