import DubbingTesting
import Foundation
import Testing

@Suite("What the documents say", .kind(.logic))
struct DocumentTests {
  private static let root = URL(filePath: FileManager.default.currentDirectoryPath)

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  @Test("The Swift lines of 'bring your own stack' are those that the E2E tests run")
  func ownStackSnippet() throws {
    let document = try Self.text("docs/bring-your-own-stack.md")
    let snippets = document.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(snippets.contains(try Self.text("Tests/E2E/OwnStackTests.swift")), "\(snippets)")
  }

  @Test("Every key of a stack file is in its document")
  func stackKeys() throws {
    let document = try Self.text("docs/bring-your-own-stack.md")
    let keys =
      StackFile.CodingKeys.allCases.map(\.rawValue) + DualStack.Role.needed.map(\.name)
      + StackFile.Project.CodingKeys.allCases.map(\.rawValue)
      + StackFile.Port.CodingKeys.allCases.map(\.rawValue) + StackFile.Budget.CodingKeys.allCases.map(\.rawValue)
      + StackFile.Padding.CodingKeys.allCases.map(\.rawValue) + Tolerances.keys.keys
    for key in keys { #expect(document.contains("`\(key)`"), "\(key)") }
  }

  @Test("Every key of a contract is in its document, and the example there is one")
  func contractKeys() throws {
    let document = try Self.text("docs/contract.md")
    let keys =
      ContractFile.CodingKeys.allCases.map(\.rawValue) + ContractFile.Form.CodingKeys.allCases.map(\.rawValue)
      + ContractFile.Formats.CodingKeys.allCases.map(\.rawValue) + Contract.Event.allCases.map(\.rawValue)
      + Contract.Field.allCases.map(\.rawValue).filter { !$0.hasPrefix("dubbed_audio.") }
    for key in keys { #expect(document.contains("`\(key)`"), "\(key)") }
    let example = try #require(document.components(separatedBy: "```json\n").dropFirst().first)
    let json = try #require(example.components(separatedBy: "```").first)
    let file = try JSONDecoder().decode([String: ContractFile].self, from: Data("{\(json)}".utf8))
    let contract = try #require(file["contract"]).contract(inherited: ["KEY": "k"])
    #expect(contract.events.count == 5 && contract.sequence == .restarts && contract.auth == ["key": "k"])
  }

  @Test("README says how many checks there are")
  func checkCount() throws {
    let readme = try Self.text("README.md")
    // Continuity is asked wherever an output was recorded; listening to it is up to who sets it up.
    let count = DubbingVerdict.Check.Name.allCases.count + 1
    #expect(readme.contains("verdict: \(count) checks") && readme.contains("asks \(count) questions"), "\(count)")
  }

  @Test("Every key of the checks that a stack file switches on is in their document")
  func checkKeys() throws {
    let document = try Self.text("docs/checks.md")
    let keys =
      ChecksFile.CodingKeys.allCases.map(\.rawValue) + ChecksFile.LogErrors.CodingKeys.allCases.map(\.rawValue)
      + ChecksFile.Metric.CodingKeys.allCases.map(\.rawValue)
    for key in keys { #expect(document.contains("`\(key)`"), "\(key)") }
  }

  @Test("Every key of report.json is in its document")
  func reportKeys() throws {
    let document = try Self.text("docs/report.md")
    let object = try JSONSerialization.jsonObject(with: ReportSample.report.json())
    let keys = Set(Self.keys(in: object)).subtracting(["sample (ms)"])
    #expect(keys.count > 50, "the sample must have every key, or this proves nothing")
    for key in keys.sorted() { #expect(document.contains("`\(key)`"), "\(key)") }
  }

  private static func keys(in value: Any) -> [String] {
    if let object = value as? [String: Any] { return object.flatMap { [$0.key] + keys(in: $0.value) } }
    return (value as? [Any] ?? []).flatMap(keys)
  }
}
