import Foundation

/// How many of the expected words were not recognised: the Levenshtein distance in words over the number of expected words.
package struct WordErrorRate: CustomStringConvertible {
  /// Substituted, inserted and deleted words.
  package private(set) var errors = 0
  /// Words that were expected.
  package private(set) var count = 0

  /// 0 is perfect; above 1 when more words were heard than expected. Words out of nothing are infinitely wrong.
  package var value: Double { errors == 0 ? 0 : Double(errors) / Double(count) }

  package var description: String { "\(Self.percent(value)) (\(errors) of \(count) words)" }

  mutating func add(errors: Int, count: Int) {
    self.errors += errors
    self.count += count
  }

  mutating func add(expected: [Substring], heard: [Substring]) {
    count += expected.count
    errors += Self.distance(expected, heard)
  }

  /// ``value``, or 1 where that is no finite number.
  var share: Double { value.isFinite ? value : 1 }

  /// Lower case, without punctuation.
  package static func words(_ text: String) -> [Substring] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }
  }

  /// The same without accents, and with one form of what Spanish has three of: who writes `21` has heard `veintiún`, `veintiuno` or
  /// `veintiuna`.
  static func plainWords(_ text: String) -> [Substring] {
    words(text.folding(options: .diacriticInsensitive, locale: nil)).map { oneForm[$0] ?? $0 }
  }

  private static let oneForm: [Substring: Substring] = [
    "un": "uno", "una": "uno", "veintiun": "veintiuno", "veintiuna": "veintiuno",
  ]

  /// The reading with the fewest errors; the first of several.
  package static func closest(of readings: [String], to said: String) -> String {
    let expected = plainWords(said)
    return readings.min { distance(expected, plainWords($0)) < distance(expected, plainWords($1)) } ?? ""
  }

  static func percent(_ share: Double) -> String {
    share.isFinite ? "\(Int((share * 100).rounded())) %" : "∞"
  }

  private static func distance(_ expected: [Substring], _ heard: [Substring]) -> Int {
    var row = Array(0...heard.count)
    for (index, word) in expected.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (column, other) in heard.enumerated() {
        let substituted = diagonal + (word == other ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
      }
    }
    return row[heard.count]
  }
}
