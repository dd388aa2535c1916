import Foundation
import Synchronization
public import Testing

/// Which tests a list of tags selects: "smoke,!slow" are those with the tag `smoke` that do not have `slow`.
package struct TagSelection: Sendable, Hashable {
  /// At least one of these, if there are any.
  package var included: Set<String>
  /// None of these.
  package var excluded: Set<String>

  /// Reads names separated by commas or spaces; "!" before a name excludes it, a leading "." is ignored.
  package init(_ text: String) {
    included = []
    excluded = []
    for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      if word.hasPrefix("!") {
        excluded.insert(Self.name(word.dropFirst()))
      } else {
        included.insert(Self.name(word))
      }
    }
  }

  /// Whether a test with these tags is selected.
  package func selects(_ tags: some Sequence<String>) -> Bool {
    let names = Set(tags.map { Self.name($0[...]) })
    return names.isDisjoint(with: excluded) && (included.isEmpty || !names.isDisjoint(with: included))
  }

  private static func name(_ text: Substring) -> String {
    String(text.hasPrefix(".") ? text.dropFirst() : text)
  }
}

/// Selects tests by their tags; made with `.selectedTags`.
///
/// `swift test --filter tag:…` does not exist in Swift 6.3: it matches nothing, runs no test and passes.
public struct SelectedTagsTrait: SuiteTrait, TestTrait, TestScoping {
  let variable: String

  /// How many tests each variable has selected. All tests are prepared before the first one runs.
  private static let selected = Mutex<[String: Int]>([:])

  public var isRecursive: Bool { true }

  private var text: String { ProcessInfo.processInfo.environment[variable] ?? "" }

  func selects(_ test: Test) -> Bool { TagSelection(text).selects(test.tags.map(\.description)) }

  public func prepare(for test: Test) async throws {
    guard !test.isSuite else { return }
    if selects(test) {
      Self.selected.withLock { $0[variable, default: 0] += 1 }
    } else {
      try Test.cancel("not selected by \(variable)=\(text)")
    }
  }

  public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { test.isSuite ? self : nil }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let isFirstReport = Self.selected.withLock { selected in
      guard selected[variable, default: 0] == 0 else { return false }
      selected[variable] = 1
      return true
    }
    if isFirstReport {
      Issue.record("\(variable)=\(text) selects no test: nothing was checked. Is a tag misspelt?")
    }
    try await function()
  }
}

extension Trait where Self == SelectedTagsTrait {
  /// Runs only tests whose tags an environment variable selects, e.g. `SHOP_TAGS="smoke,!slow"`; a selection of no test fails.
  public static func selectedTags(_ variable: String) -> Self { SelectedTagsTrait(variable: variable) }
}
