/// What a `SocketIOClient` is doing about its connection.
public enum SocketIOState: Sendable, Hashable, CustomStringConvertible {
  /// There is no connection and none is tried: not begun, ended, or given up for the reason.
  case disconnected(DisconnectReason?)
  /// The first attempt is being made.
  case connecting
  /// The namespace is joined.
  case connected
  /// The connection was lost for the reason; `attempt`, from 1, to make it again is being waited for or made.
  case reconnecting(attempt: Int, after: DisconnectReason?)

  public var description: String {
    switch self {
    case .disconnected(let reason?): "disconnected (\(reason))"
    case .disconnected(nil): "disconnected"
    case .connecting: "connecting"
    case .connected: "connected"
    case .reconnecting(let attempt, let reason):
      "reconnecting, attempt \(attempt)" + (reason.map { ", after \($0)" } ?? "")
    }
  }
}
