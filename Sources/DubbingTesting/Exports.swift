// One import gives a team's tests everything that a description, a fault or a check of their own is made of. Underscored, but what
// every package does that has such a roof: Swift has no other word for it yet.
@_exported import AudioPrint
@_exported import ComposeKit
@_exported import ComposeTesting
@_exported import SocketIOLite
