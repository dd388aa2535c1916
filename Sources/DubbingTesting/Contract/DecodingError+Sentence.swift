extension DecodingError {
  /// The error as one sentence that names the key: `audio.duration_ms is missing`.
  var sentence: String {
    switch self {
    case .keyNotFound(let key, let context): "\((context.codingPath + [key]).dotted) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(context.codingPath.dotted): \(context.debugDescription)"
    case .dataCorrupted(let context):
      context.codingPath.isEmpty
        ? context.debugDescription : "\(context.codingPath.dotted): \(context.debugDescription)"
    @unknown default: "\(self)"
    }
  }
}

extension [any CodingKey] {
  fileprivate var dotted: String { map(\.stringValue).joined(separator: ".") }
}
