import ComposeTesting
import DubbingTesting
import Foundation
import Testing

@Suite("The fault catalogue", .kind(.computing))
struct FaultCatalogueTests {
  @Test("A fault in what is recorded turns its own checks red and no others", arguments: MadeFault.all)
  func fault(_ fault: MadeFault) async throws {
    let verdict = try await fault.stream(fault.make).verdict()
    #expect(try await red(verdict, fault) == fault.checks, "\(verdict.failedChecks)")
    #expect(verdict.outcome == fault.outcome)
    #expect(Set(verdict.breaks.map(\.kind)) == fault.kinds, "\(verdict.breaks)")
  }

  @Test("Its neighbour is none", arguments: MadeFault.all.filter { $0.neighbour != nil })
  func neighbour(_ fault: MadeFault) async throws {
    let verdict = try await fault.stream(fault.neighbour).verdict()
    #expect(try await red(verdict, fault) == [], "\(verdict.failedChecks)")
    #expect(verdict.outcome == .dubbed && verdict.breaks.isEmpty, "\(verdict.breaks)")
  }

  /// The red checks, without those that are red because made events lack something, fault or not.
  private func red(_ verdict: DubbingVerdict, _ fault: MadeFault) async throws -> Set<DubbingVerdict.Check.Name> {
    let whole = try await Self.whole(fault.fixture) { try await fault.stream(nil).verdict() }
    #expect(whole.outcome == .dubbed && whole[.continuity]?.state == .passed, "\(whole.checks)")
    return Set(verdict.failedChecks.map(\.name)).subtracting(whole.failedChecks.map(\.name))
  }

  /// By fixture: the verdict on a stream without a fault.
  private static let whole = OnceEach<String, DubbingVerdict>()

  // MARK: The page

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  /// The first column of each row of the tables under a heading.
  private func rows(under heading: String, in page: String) throws -> [Substring] {
    let section = try #require(page.components(separatedBy: "\n## ").first { $0.hasPrefix(heading) })
    return section.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| fault |") }
  }

  @Test("docs/checks.md has a row for each fault in what is recorded, and no other")
  func recorded() throws {
    let rows = try rows(under: "What was recorded", in: text("docs/checks.md"))
    #expect(rows.map(String.init) == MadeFault.all.map(\.row))
  }

  @Test("docs/checks.md has a row for each fault of the running system, and says how many there are")
  func running() throws {
    let source = try text("docs/checks.md")
    let rows = try rows(under: "What turned each check red", in: source)
    let page = source.split(separator: "\n").joined(separator: " ")
    // A row may say in brackets how; a name that a report has does not.
    let listed = Set(
      rows.map { row in
        let cell = row.dropFirst(2).prefix { $0 != "|" }
        return cell.replacing("`", with: "").replacing(/\(.*\)/, with: "").trimmingCharacters(in: .whitespaces)
      })
    let files = ["WireFaultTests", "ServiceFaultTests", "ModelsTests"]
    let sources = try files.map { try text("Tests/E2E/\($0).swift") }.joined()
    let names = sources.matches(of: /(?:name: |broken\()"([^"]+)"/).map {
      $0.output.1.replacing(/\(.*\)/, with: "").trimmingCharacters(in: .whitespaces)
    }
    #expect(Set(names) == listed, "\(Set(names).symmetricDifference(listed).sorted())")
    #expect(rows.count == listed.count && names.count == listed.count)
    let evidence = DubbingVerdictTests.eventFaults.count + DubbingVerdictTests.outputFaults.count
    #expect(
      page.contains("in \(evidence) ways") && page.contains("in \(listed.count - 1), and with models in one more"))
    let known = Set(MadeFault.all.map(\.name)).union(listed)
    #expect(known.count >= 40 && page.contains("\(known.count) faults"), "\(known.count)")
  }
}
