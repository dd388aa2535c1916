import AudioPrint

/// What a stretch of the output holds: one vocabulary for evidence, verdict, report and page.
///
/// As text, and so in `report.json`, it is `original`, `dubbed 3`, `mixed`, `silent`, `unknown` or `none`.
public enum WindowContent: Sendable, Hashable {
  /// The fixture's own sound.
  case original
  /// The dubbed audio of the fragment with this sequence number.
  case dubbed(Int)
  /// Dubbed audio and original at once.
  case mixed
  /// Nothing that anybody hears.
  case silent
  /// Sound of which nobody knows where it is from.
  case unknown
  /// The output has no such stretch: `none`.
  case absent

  /// The same without saying which fragment it is.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case dubbed, original, mixed, silent, unknown
    case absent = "none"
  }

  /// The same without saying which fragment it is.
  package var kind: Kind {
    switch self {
    case .original: .original
    case .dubbed: .dubbed
    case .mixed: .mixed
    case .silent: .silent
    case .unknown: .unknown
    case .absent: .absent
    }
  }

  /// Whether a known sound is in it, so that it can be said where it lies.
  var isLocated: Bool { [.original, .dubbed, .mixed].contains(kind) }
}

extension WindowContent: LosslessStringConvertible, Codable {
  /// The word for it, with the fragment's number where there is one.
  public var description: String {
    if case .dubbed(let sequence) = self { return "\(kind.rawValue) \(sequence)" }
    return kind.rawValue
  }

  /// Reads what ``description`` writes; nil for anything else.
  public init?(_ description: String) {
    let parts = description.split(separator: " ", omittingEmptySubsequences: false)
    switch (Kind(rawValue: String(parts[0])), parts.count == 2 ? Int(parts[1]) : nil, parts.count) {
    case (.dubbed, let sequence?, 2): self = .dubbed(sequence)
    case (.original, nil, 1): self = .original
    case (.mixed, nil, 1): self = .mixed
    case (.silent, nil, 1): self = .silent
    case (.unknown, nil, 1): self = .unknown
    case (.absent, nil, 1): self = .absent
    default: return nil
    }
  }

  /// Reads the word; any other is an error that names it.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let content = WindowContent(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not what a window can hold, such as 'original' or 'dubbed 3'")
    }
    self = content
  }

  /// Writes the word.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension WindowContent {
  /// In the words of the instrument that heard it.
  init(_ heard: SegmentClass) {
    switch heard {
    case .passthrough: self = .original
    case .dubbed(let sequence): self = .dubbed(sequence)
    case .mixed: self = .mixed
    case .silent: self = .silent
    case .unknown: self = .unknown
    }
  }
}
