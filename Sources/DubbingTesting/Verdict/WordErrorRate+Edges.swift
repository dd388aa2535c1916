// A fragment's edge may cut a word in two: `nine` and `teen` for `nineteen`, or one of them alone. What is heard beside an edge is
// compared with both fragments' words, and what the neighbour completes is no error.
extension WordErrorRate {
  /// One fragment's words.
  package struct Spoken {
    var sequence: Int
    var expected: String
    var heard: String

    package init(sequence: Int, expected: String, heard: String) {
      self.sequence = sequence
      self.expected = expected
      self.heard = heard
    }
  }

  package enum Edges {
    /// Fragments are cut in pauses: each fragment's words are its own.
    case lieInPauses
    /// Fragments are cut anywhere.
    case mayCut
  }

  package init(of fragments: [Spoken], edges: Edges) {
    switch edges {
    case .lieInPauses:
      for fragment in fragments {
        add(expected: Self.words(fragment.expected), heard: Self.words(fragment.heard))
      }
    case .mayCut:
      // Only neighbours share an edge: a fragment without an answer ends a run.
      var run: [Spoken] = []
      for fragment in fragments {
        if let last = run.last, last.sequence + 1 != fragment.sequence {
          addRun(run)
          run = []
        }
        run.append(fragment)
      }
      addRun(run)
    }
  }

  /// A heard word, and whether an edge follows or precedes it.
  struct Heard {
    var word: Substring
    var isLast = false
    var isFirst = false
  }

  private mutating func addRun(_ run: [Spoken]) {
    let expected = run.flatMap { Self.words($0.expected) }
    var heard: [Heard] = []
    for (index, fragment) in run.enumerated() {
      let words = Self.words(fragment.heard)
      heard += words.indices.map { position in
        Heard(
          word: words[position], isLast: position == words.count - 1 && index < run.count - 1,
          isFirst: position == 0 && index > 0)
      }
    }
    add(errors: Self.distance(expected, acrossEdges: heard), count: expected.count)
  }

  /// The Levenshtein distance in words, in which at each edge one expected word may be heard in parts, or by both sides.
  static func distance(_ expected: [Substring], acrossEdges heard: [Heard]) -> Int {
    var rows = [Array(0...heard.count)]
    for (index, word) in expected.enumerated() {
      var row = [index + 1]
      for (column, other) in heard.enumerated() {
        let same = other.word == word || isPart(other, of: word)
        var cost = min(rows[index][column] + (same ? 0 : 1), rows[index][column + 1] + 1, row[column] + 1)
        if column > 0, heard[column - 1].isLast, other.isFirst, isHeard(word, by: heard[column - 1], and: other) {
          cost = min(cost, rows[index][column - 1])
        }
        row.append(cost)
      }
      rows.append(row)
    }
    return rows[expected.count][heard.count]
  }

  /// Whether all that is missing of the word lies beyond the edge beside it.
  private static func isPart(_ heard: Heard, of word: Substring) -> Bool {
    // A letter alone would be part of nearly anything.
    guard heard.word.count > 1, heard.word.count < word.count else { return false }
    return heard.isLast && word.hasPrefix(heard.word) || heard.isFirst && word.hasSuffix(heard.word)
  }

  /// Whether both sides of an edge heard the one word: a part each, or one of them, or both, all of it.
  private static func isHeard(_ word: Substring, by before: Heard, and after: Heard) -> Bool {
    func isSome(_ heard: Heard) -> Bool { heard.word == word || isPart(heard, of: word) }
    return before.word + after.word == word || isSome(before) && isSome(after)
  }
}
