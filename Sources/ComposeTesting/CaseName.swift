import Testing

/// What a test case is called in every run: its test, without file and line, and its arguments as text.
package struct CaseName: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  /// Module, suites and function, such as `E2E.Pipeline/isDubbed(fixture:)`.
  package var test: String
  /// nil for a test without arguments.
  package var arguments: String?

  package init(test: String, arguments: String? = nil) { (self.test, self.arguments) = (test, arguments) }

  package init(_ testCase: Test.Case, of test: Test) {
    self.init(test: test.nameInEveryRun, arguments: Self.arguments(of: testCase))
  }

  package var description: String { arguments.map { "\(test): \($0)" } ?? test }

  package static func < (a: CaseName, b: CaseName) -> Bool {
    a.test != b.test ? a.test < b.test : (a.arguments ?? "") < (b.arguments ?? "")
  }

  // MARK: What Swift Testing tells to its own tools only
  //
  // Cases and their arguments are no public API in Swift 6.3 (`@_spi(ForToolsIntegrationOnly)`), and they are what has to be split.
  // They are read by reflection. Where a later version stores them elsewhere, a test with arguments counts as one case.

  /// The cases of a test in the order of its arguments, each name once; before its arguments are known, itself.
  static func all(of test: Test) -> [CaseName] {
    let whole = CaseName(test: test.nameInEveryRun)
    guard test.isParameterized, let state = child("testCasesState", of: test),
      let cases = Self.cases(in: state, depth: 4)
    else { return [whole] }
    var seen: Set<CaseName> = []
    return cases.map { CaseName($0, of: test) }.filter { seen.insert($0).inserted }
  }

  private static func arguments(of testCase: Test.Case) -> String? {
    guard testCase.isParameterized, let kind = child("_kind", of: testCase) else { return nil }
    let payload = Mirror(reflecting: kind).children.first?.value
    guard let arguments = payload.flatMap({ child("arguments", of: $0) }) as? [Any] else { return nil }
    let values = arguments.compactMap { child("value", of: $0) }
    return values.map { String(describingForTest: $0) }.joined(separator: ", ")
  }

  private static func child(_ label: String, of subject: Any) -> Any? {
    Mirror(reflecting: subject).children.first { $0.label == label }?.value
  }

  private static func cases(in subject: Any, depth: Int) -> [Test.Case]? {
    if let sequence = subject as? any Sequence {
      let elements = Self.elements(of: sequence)
      let cases = elements.compactMap { $0 as? Test.Case }
      return cases.count == elements.count ? cases : nil
    }
    guard depth > 0 else { return nil }
    for child in Mirror(reflecting: subject).children {
      if let cases = Self.cases(in: child.value, depth: depth - 1) { return cases }
    }
    return nil
  }

  private static func elements(of sequence: some Sequence) -> [Any] { sequence.map { $0 } }
}

extension Test {
  /// Its identifier without the place in the source, which moves with every edit above it.
  var nameInEveryRun: String { "\(id.moduleName).\(id.nameComponents.joined(separator: "/"))" }
}
