"""An event from its pictures to its decision."""
