public import SocketIOLite

/// How worker and speech-to-speech service talk to each other: what their events and fields are called, and what is allowed in them.
///
/// ``standard`` is the contract of this package's own services. A pair with other names describes them, in `stack.json` (the key `contract`) or in
/// Swift: parsing, checks and faults then speak of their events in our terms.
public struct Contract: Sendable, Hashable {
  /// How one event of ours looks on their wire.
  public struct Form: Sendable, Hashable {
    /// The event's name there.
    public var name: String
    /// Where its fields are, as dotted paths (see ``EventPayload/subscript(_:)``). A field that is not listed does not exist there.
    public var fields: [Field: String]
    /// What their values mean, field by field: theirs → ours. A value that is not listed breaks the contract.
    public var values: [Field: [String: String]]
    /// What fields that they do not have always are.
    public var constants: [Field: String]

    /// A form; without `fields`, those of ``Contract/standard`` in their places.
    public init(
      _ name: String, fields: [Field: String], values: [Field: [String: String]] = [:], constants: [Field: String] = [:]
    ) {
      self.name = name
      self.fields = fields
      self.values = values
      self.constants = constants
    }
  }

  /// How sequence numbers go on when a worker has connected anew.
  public enum Sequence: String, Sendable, Hashable, Codable {
    /// Where they were.
    case continues
    /// From 0; fragment ids stay unique, or are not there at all.
    case restarts
  }

  /// The events that they have. What is not listed is neither expected nor allowed.
  public var events: [Event: Form]
  /// Their further events, which a verdict passes over; `*` at the end stands for any rest.
  public var ignored: Set<String> = []
  /// The Socket.IO namespaces on which they talk; nil: any.
  public var namespaces: Set<String>?
  /// What a client of ours says when it joins: STS may ask for a key.
  public var auth: [String: String]?
  /// What ``Field/streamID`` says of a stream; `{stream}` is the stream's name on the media server.
  public var streamID = "{stream}"
  /// The formats that a fragment may declare; nil: the one that the stream's opening declared.
  public var fragmentFormats: Set<String>?
  /// The formats that an answer's audio may declare; nil: the one that the stream's opening declared.
  public var dubFormats: Set<String>?
  /// The codes that errors may have; nil: any.
  public var errorCodes: Set<String>?
  /// Whether an answer with the status `partial` counts as one: as a rule it turns ``DubbingVerdict/Check/Name/processedOnce`` red.
  public var acceptsPartial = false
  /// Whether a time in milliseconds may have a fraction. Ours never has one.
  public var allowsFractionalTimes = true
  /// How sequence numbers go on when a worker has connected anew.
  public var sequence = Sequence.continues
  /// Reads events in Swift, where a description is not enough; it is asked first.
  public var reader: Reader?

  /// A contract of these events.
  public init(events: [Event: Form]) { self.events = events }

  /// What this package's own services speak: `docs/contract.md`.
  public static let standard: Contract = {
    var contract = Contract(
      events: Dictionary(uniqueKeysWithValues: Event.allCases.map { ($0, Form(standard: $0)) }))
    contract.errorCodes = [
      "AUTH_FAILED", "STREAM_NOT_FOUND", "INVALID_CONFIG", "FRAGMENT_TOO_LARGE", "TIMEOUT", "MODEL_ERROR", "QUEUE_FULL",
      "INVALID_SEQUENCE", "RATE_LIMIT",
    ]
    return contract
  }()

  /// Their name of an event; nil where they have none.
  package func name(of event: Event) -> String? { events[event]?.name }

  /// What the events are called that go one way, by name.
  func names(going direction: ObservedEvent.Direction) -> [String] {
    events.filter { $0.key.directions.contains(direction) }.map(\.value.name).sorted()
  }

  /// Whether they have a field, or it is a constant.
  package func has(_ field: Field, in event: Event) -> Bool {
    guard let form = events[event] else { return false }
    return form.fields[field] != nil || form.constants[field] != nil
  }

  /// The event of ours that one of theirs is; nil where the contract has none of that name in that direction.
  func event(named name: String, _ direction: ObservedEvent.Direction) -> Event? {
    events.first { $0.key.directions.contains(direction) && $0.value.name == name }?.key
  }

  func ignores(_ name: String) -> Bool {
    ignored.contains(name) || ignored.contains { $0.hasSuffix("*") && name.hasPrefix($0.dropLast()) }
  }

  /// The stream's name out of what ``Field/streamID`` says.
  func streamName(_ text: String) -> String {
    let parts = streamID.split(separator: "{stream}", omittingEmptySubsequences: false)
    guard parts.count == 2, text.hasPrefix(parts[0]), text.hasSuffix(parts[1]),
      text.count > parts[0].count + parts[1].count
    else { return text }
    return String(text.dropFirst(parts[0].count).dropLast(parts[1].count))
  }

  /// What ``Field/streamID`` says of a stream.
  func streamText(_ name: String) -> String { streamID.replacing("{stream}", with: name) }
}

extension Contract.Form {
  init(standard event: Contract.Event) {
    self.init(event.rawValue, fields: Dictionary(uniqueKeysWithValues: event.fields.map { ($0, $0.rawValue) }))
  }
}

extension Contract {
  /// Reads an event in Swift: for a wire that no table describes.
  public struct Reader: Sendable, Hashable {
    /// Which event of ours one of theirs is, and its fields; what is nil or not among them it does not have.
    public typealias Read =
      @Sendable (SocketIOEvent, ObservedEvent.Direction) throws -> (event: Event, fields: [Field: JSONValue?])?

    package var name: String
    package var read: Read

    /// A reader with a name.
    ///
    /// - Parameters:
    ///   - name: as messages call it; two of one name count as equal.
    ///   - read: what an event says, in our words; nil leaves it to the contract's description.
    public init(_ name: String, read: @escaping Read) {
      self.name = name
      self.read = read
    }

    public static func == (one: Reader, other: Reader) -> Bool { one.name == other.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
  }
}
