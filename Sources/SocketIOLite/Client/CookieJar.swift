import Synchronization

/// The cookies that a server set, for its own later connections: load balancers find a session's server by them.
///
/// There is one server and one path here, so that name and value are kept and of the attributes only what deletes a cookie.
/// Source: RFC 6265 §5.2.
final class CookieJar: Sendable {
  // Entered once per handshake.
  private let cookies = Mutex<[(name: String, value: String)]>([])

  /// The Cookie header's value, or nil if there are no cookies.
  var header: String? {
    cookies.withLock { cookies in
      cookies.isEmpty ? nil : cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }
  }

  /// Takes the values of Set-Cookie headers; what is no cookie is passed over, as RFC 6265 wants it.
  func take(_ setCookies: [String]) {
    for text in setCookies {
      let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
      guard let pair = parts.first, let equals = pair.firstIndex(of: "="), equals > pair.startIndex else { continue }
      let name = Self.trimmed(pair[..<equals])
      let value = Self.trimmed(pair[pair.index(after: equals)...])
      let isDeleted = parts.dropFirst().contains { part in
        let attribute = part.lowercased()
        return attribute.hasPrefix("max-age=") && (Int(attribute.dropFirst(8)) ?? 1) <= 0
      }
      cookies.withLock { cookies in
        cookies.removeAll { $0.name == name }
        if !isDeleted { cookies.append((name, value)) }
      }
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
