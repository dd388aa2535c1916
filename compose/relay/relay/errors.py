"""What goes wrong on one connection, and ends that connection only."""


class ProtocolError(Exception):
    """The peer sent something that the protocol does not allow, or more of it than we accept."""
