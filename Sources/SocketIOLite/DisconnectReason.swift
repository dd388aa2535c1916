/// Why a connection ended, by the names that every Socket.IO client uses; two are equal if their names are.
public struct DisconnectReason: RawRepresentable, Sendable, Hashable {
  /// The name, as the JavaScript client has it.
  public let rawValue: String
  /// The code with which the server closed the WebSocket, if it did: 1008 for a refusal, 1009 for a message that was too big.
  public var closeCode: Int?
  /// The text that the server gave with the code; nil if it gave none.
  public var closeReason: String?

  /// A reason by its name.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The server left the namespace on purpose.
  public static let serverDisconnect = Self(rawValue: "io server disconnect")
  /// This side left on purpose.
  public static let clientDisconnect = Self(rawValue: "io client disconnect")
  /// The server sent nothing for its ping interval plus its ping timeout.
  public static let pingTimeout = Self(rawValue: "ping timeout")
  /// The connection was closed; `closeCode` and `closeReason` say more if the server did.
  public static let transportClose = Self(rawValue: "transport close")
  /// The connection failed.
  public static let transportError = Self(rawValue: "transport error")
  /// The server sent what is no packet, or one beyond the limits.
  public static let parseError = Self(rawValue: "parse error")

  public static func == (left: Self, right: Self) -> Bool { left.rawValue == right.rawValue }
  public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

  /// `transportClose` with what a WebSocket's close frame says. Source: RFC 6455 §5.5.1.
  static func closed(code: Int?, reason: String?) -> Self {
    var closed = transportClose
    closed.closeCode = code
    closed.closeReason = reason
    return closed
  }
}

extension DisconnectReason: CustomStringConvertible {
  /// The name, with the code and the text of the server behind it.
  public var description: String {
    guard let closeCode else { return rawValue }
    return "\(rawValue), \(closeCode)" + (closeReason.map { " (\($0))" } ?? "")
  }
}
