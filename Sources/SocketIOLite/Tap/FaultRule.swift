/// Something that a tap does to events on their way through.
///
/// Rules act on whole events, with their attachments, in the order in which they were set: changes (replace, truncate) add up,
/// and the first rule that decides where the event goes (drop, delay, duplicate, reorder, disconnect) is the last to act on it.
public struct FaultRule: Sendable {
  /// What is done to the events that are meant.
  public enum Action: Sendable {
    /// The event never arrives.
    case drop
    /// The event arrives later, and so does everything behind it unless `keepingOrder` is false.
    case delay(Duration, keepingOrder: Bool = true)
    /// The event arrives twice.
    case duplicate
    /// The event arrives behind the next one that this rule's event, direction and predicate match, or after `atMost`.
    case reorder(atMost: Duration = .seconds(5))
    /// The event arrives with what the closure makes of it.
    case replace(@Sendable (FaultPayload) -> FaultPayload)
    /// Cuts each attachment to so many bytes or, if there is none, the JSON text of the arguments, which breaks it.
    case truncate(bytes: Int)
    /// The event does not arrive, and both sides lose every connection of the session.
    case disconnect
  }

  /// Which of the events that match are meant, counted over all connections since the rule was set.
  public enum Occurrence: Sendable, Hashable {
    /// All of them.
    case every
    /// Only this one, from 1.
    case nth(Int)
    /// The first so many.
    case first(Int)
  }

  /// How the rule is called in records; setting a rule whose name is in use replaces that one.
  public var name: String
  /// The name of the events that match; nil for any.
  public var event: String?
  /// Which way they go; nil for both.
  public var direction: TapDirection?
  /// Which of those that match are meant.
  public var occurrence: Occurrence
  /// Asked only if event and direction match, so that a rule can be bound to one stream's id.
  public var predicate: (@Sendable (SocketIOEvent) -> Bool)?
  /// What is done to them.
  public var action: Action

  /// A rule; whatever is nil matches everything.
  public init(
    _ name: String, _ action: Action, event: String? = nil, direction: TapDirection? = nil,
    occurrence: Occurrence = .every,
    where predicate: (@Sendable (SocketIOEvent) -> Bool)? = nil
  ) {
    self.name = name
    self.action = action
    self.event = event
    self.direction = direction
    self.occurrence = occurrence
    self.predicate = predicate
  }

  func matches(_ event: SocketIOEvent, _ direction: TapDirection) -> Bool {
    (self.event.map { $0 == event.name } ?? true) && (self.direction.map { $0 == direction } ?? true)
      && (predicate?(event) ?? true)
  }
}

/// What a `replace` rule may change of an event.
public struct FaultPayload: Sendable, Hashable {
  /// The arguments: the text of a JSON array. Anything else is sent as it is, for a peer that must stand broken JSON.
  public var payload: [UInt8]
  /// The binary attachments, in the order of their numbers.
  public var attachments: [[UInt8]]

  /// A payload; `attachments` must be as many as the placeholders in it ask for.
  public init(payload: [UInt8], attachments: [[UInt8]] = []) {
    self.payload = payload
    self.attachments = attachments
  }
}
