#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which way a message went through a tap.
public enum TapDirection: String, Sendable, Hashable, Codable {
  /// From the client (in dubbing: the worker) to the server (STS).
  case toServer
  /// From the server to the client.
  case toClient
}

/// What one side said to the other through a tap.
public struct TapRecord: Sendable, CustomStringConvertible {
  /// What was said.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// An event; `event.name` is its name.
    case event
    /// The answer to an event; `event.ackID` says to which.
    case acknowledgement
    /// A namespace is asked for or joined.
    case connect
    /// The server refused a namespace.
    case connectError
    /// One side left a namespace.
    case disconnect
  }

  /// Which way it went.
  public var direction: TapDirection
  /// What it is.
  public var kind: Kind
  /// When the tap had received all of it, on the monotonic clock.
  public var time: ContinuousClock.Instant
  /// The same moment on the wall clock.
  public var date: Date
  /// The TCP connection that brought the end of it, counted from 1; a session may have many.
  public var connection: Int
  /// The id (`sid`) of the Engine.IO session, whatever its connections and transports; nil if the server has not named it.
  public var session: String?
  /// What was received. For `connect`, `connectError` and `disconnect` it has no name, and the packet's JSON as payload.
  public var event: SocketIOEvent
  /// The names of the rules that acted on it, in order.
  public var faults: [String]

  /// A record made by hand, for what is to be tested without a tap.
  public init(
    direction: TapDirection, kind: Kind = .event, connection: Int = 1, session: String? = nil, event: SocketIOEvent,
    faults: [String] = []
  ) {
    self.direction = direction
    self.kind = kind
    self.time = event.time
    self.date = event.date
    self.connection = connection
    self.session = session
    self.event = event
    self.faults = faults
  }

  /// The record in a line, without secrets; see ``line(showingSecrets:)``.
  public var description: String { line(showingSecrets: false) }
}

/// Something that a tap forwarded and could not, or did not, record as an event.
public struct TapAnomaly: Sendable, CustomStringConvertible {
  /// The TCP connection, counted from 1; 0 for what concerns a session and none of its connections.
  public var connection: Int
  /// Which way it went; nil for what concerns both.
  public var direction: TapDirection?
  /// When it was noticed, on the wall clock.
  public var date: Date
  /// What it was and what the tap did.
  public var message: String
  /// What was received, shortened.
  public var evidence: [String]

  public var description: String {
    (["#\(connection) \(direction?.rawValue ?? "") \(message)"] + evidence.map { "  evidence  \($0)" }).joined(
      separator: "\n")
  }
}
