import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The cookies that a server set, for its own later requests: load balancers find a session's server by them.
///
/// There is one server and one path here, so that name and value are kept and of the attributes only until when.
/// Source: RFC 6265 §5.
package final class CookieJar: Sendable {
  private struct Cookie {
    var name: String
    var value: String
    /// Nil for one that lasts as long as the client.
    var end: Date?
  }

  // Entered once per request.
  private let cookies = Mutex<[Cookie]>([])

  package init() {}

  /// The Cookie header's value, or nil if there are no cookies.
  var header: String? { header(at: Date()) }

  package func header(at now: Date) -> String? {
    cookies.withLock { cookies in
      cookies.removeAll { $0.end.map { $0 <= now } ?? false }
      return cookies.isEmpty ? nil : cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }
  }

  /// Takes the values of Set-Cookie headers; what is no cookie is passed over, as RFC 6265 wants it.
  package func take(_ setCookies: [String], at now: Date = Date()) {
    for text in setCookies {
      let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
      guard let pair = parts.first, let equals = pair.firstIndex(of: "="), equals > pair.startIndex else { continue }
      let name = Self.trimmed(pair[..<equals])
      let value = Self.trimmed(pair[pair.index(after: equals)...])
      let end = Self.end(parts.dropFirst(), now)
      cookies.withLock { cookies in
        cookies.removeAll { $0.name == name }
        if end.map({ $0 > now }) ?? true { cookies.append(Cookie(name: name, value: value, end: end)) }
      }
    }
  }

  /// Until when a cookie with these attributes lasts: Max-Age goes before Expires, and the last of each counts.
  private static func end(_ attributes: ArraySlice<String>, _ now: Date) -> Date? {
    var (age, date): (Date?, Date?)
    for attribute in attributes {
      guard let equals = attribute.firstIndex(of: "=") else { continue }
      let value = trimmed(attribute[attribute.index(after: equals)...])
      switch trimmed(attribute[..<equals]).lowercased() {
      case "max-age":
        guard let seconds = Double(value), value.allSatisfy({ $0 == "-" || $0.isWholeNumber }) else { continue }
        age = seconds <= 0 ? .distantPast : now + min(seconds, 1e10)
      case "expires": date = CookieDate.parse(value) ?? date
      default: break
      }
    }
    return age ?? date
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}

/// The dates of cookies, in whichever order and with whichever separators a server writes their parts. Source: RFC 6265 §5.1.1.
package enum CookieDate {
  private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

  package static func parse(_ text: String) -> Date? {
    var (time, day, month, year): ([Int]?, Int?, Int?, Int?)
    for token in text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == ":") }) {
      let clock = token.split(separator: ":").map { Int($0) }
      if time == nil, clock.count == 3, !clock.contains(nil) {
        time = clock.compactMap(\.self)
      } else if day == nil, token.count <= 2, let number = Int(token) {
        day = number
      } else if month == nil, let index = months.firstIndex(of: token.prefix(3).lowercased()) {
        month = index + 1
      } else if year == nil, (2...4).contains(token.count), let number = Int(token) {
        year = number < 70 ? number + 2000 : number < 100 ? number + 1900 : number
      }
    }
    guard let time, let day, let month, let year, (1...31).contains(day), year >= 1601, time[0] <= 23, time[1] <= 59,
      time[2] <= 59
    else { return nil }
    let seconds = (daysSince1970(year, month, day) * 24 + time[0]) * 3600 + time[1] * 60 + time[2]
    return Date(timeIntervalSince1970: Double(seconds))
  }

  /// In the Gregorian calendar, counted from March so that a leap day comes last.
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month > 2 ? year : year - 1
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
  }
}
