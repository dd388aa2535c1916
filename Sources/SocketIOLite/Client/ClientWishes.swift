import NIOCore

extension ClientConnectionHandler {
  /// What a connection is made for, and who is told what comes by it.
  package struct Wishes: Sendable {
    var limits: SocketIOLimits
    /// Asked for as soon as the session is open.
    var joins: [Join]
    /// Called on the event loop with the events of one burst of reads, in order.
    var deliver: @Sendable ([SocketIOEvent]) -> Void
    /// Called on the event loop with each event that goes out, before it does.
    var sending: @Sendable (SocketIOPacket, _ attachments: [ByteBuffer]) -> Void = { _, _ in }
    /// Called on the event loop when a namespace is joined, before its first event.
    var joined: @Sendable (_ namespace: String, SocketIOSession.Membership) -> Void
    /// Called on the event loop when the server left one of several namespaces; the others remain.
    var left: @Sendable (_ namespace: String, SocketIOError) -> Void
    /// Whether somebody has begun to join a namespace for which this connection was not asked yet.
    var expectsMore: @Sendable () -> Bool = { false }

    package init(
      limits: SocketIOLimits, joins: [Join], deliver: @escaping @Sendable ([SocketIOEvent]) -> Void,
      sending: @escaping @Sendable (SocketIOPacket, _ attachments: [ByteBuffer]) -> Void = { _, _ in },
      joined: @escaping @Sendable (_ namespace: String, SocketIOSession.Membership) -> Void,
      left: @escaping @Sendable (_ namespace: String, SocketIOError) -> Void,
      expectsMore: @escaping @Sendable () -> Bool = { false }
    ) {
      (self.limits, self.joins) = (limits, joins)
      (self.deliver, self.sending, self.joined, self.left) = (deliver, sending, joined, left)
      self.expectsMore = expectsMore
    }
  }

  package struct Join: Sendable {
    var namespace: String
    /// The CONNECT packet's payload.
    var payload: ByteBuffer?
    var done: EventLoopPromise<SocketIOSession.Membership>

    package init(namespace: String, payload: ByteBuffer? = nil, done: EventLoopPromise<SocketIOSession.Membership>) {
      (self.namespace, self.payload, self.done) = (namespace, payload, done)
    }
  }
}
