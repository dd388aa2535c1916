import ComposeKit
import ComposeTesting
import Foundation
import Testing

// Suites that run only in a process of their own, started by the tests of the traits: some of them fail, as they should.

/// Whether this process was started to run the samples.
private let isSampleRun = ProcessInfo.processInfo.environment["COMPOSETESTING_SAMPLES"] == "1"

extension Tag {
  @Tag static var smoke: Self
  @Tag static var slow: Self
}

@Suite(.kind(.logic), .enabled(if: isSampleRun, "run by SelectedTagsTests"), .selectedTags("SAMPLE_TAGS"))
struct TagSample {
  @Test(.tags(.smoke)) func quick() {}
  @Test(.tags(.smoke, .slow), arguments: [1, 2]) func thorough(_ argument: Int) {}
  @Suite struct Inner {
    @Test func untagged() {}
  }
}

/// A file that the process which runs the samples names.
private let sampleFile = ProcessInfo.processInfo.environment["SAMPLE_COMPOSE_FILE"] ?? "none.yml"

@Suite(
  .kind(.logic), .enabled(if: isSampleRun, "run by ComposeTraitEngineTests"),
  .compose(ComposeProject(name: "ctt", files: [sampleFile]), options: UpOptions(stopTimeout: .zero)))
struct ComposeSample {
  @Test func usesIt() async throws {
    let stack = try await ComposeEnvironment.stack("ctt")
    #expect(try await stack.services().map(\.service) == ["web"])
    print("SAMPLE uses \(stack.projectName)")
  }

  @Suite struct Inner {
    @Test func usesItToo() async throws {
      let stack = try await ComposeEnvironment.stack()
      print("SAMPLE uses \(stack.projectName)")
    }

    @Test func fails() async throws {
      _ = try await ComposeEnvironment.stack()
      Issue.record("as it should")
    }
  }
}

@Suite(
  .kind(.logic), .enabled(if: isSampleRun, "run by ComposeTraitEngineTests"),
  .compose(ComposeProject(name: "ctt", files: ["never-started.yml"])))
struct UnusedComposeSample {
  @Test func asksForNothing() {}
}

/// A suite with projects of its own inside one that has some: the outer trait is recursive, so both scopes are open.
@Suite(
  .kind(.logic), .enabled(if: isSampleRun, "run by ComposeTraitEngineTests"),
  .compose(ComposeProject(name: "cto", files: [sampleFile]), options: UpOptions(stopTimeout: .zero)))
struct NestedComposeSample {
  @Test func usesOuter() async throws {
    print("SAMPLE outer is \(try await ComposeEnvironment.stack().project.name), nested: \(ComposeSuiteTrait.isNested)")
  }

  @Suite(.compose(ComposeProject(name: "cti", files: [sampleFile]), options: UpOptions(stopTimeout: .zero)))
  struct Inner {
    @Test func usesInner() async throws {
      print(
        "SAMPLE inner is \(try await ComposeEnvironment.stack().project.name), nested: \(ComposeSuiteTrait.isNested)")
    }

    @Suite struct Innermost {
      @Test func usesInnerToo() async throws {
        print(
          "SAMPLE innermost is \(try await ComposeEnvironment.stack().project.name), nested: \(ComposeSuiteTrait.isNested)"
        )
      }
    }
  }
}

extension Trait where Self == SharedEnvironmentTrait<Int> {
  /// Something that says when it is started.
  fileprivate static var counted: Self {
    SharedEnvironmentTrait(
      LazyEnvironment("a number") { ready in
        print("SAMPLE starts")
        try await ready(1)
      }
    ).reporting(
      case: { run in
        if ProcessInfo.processInfo.environment["SAMPLE_NAMES"] == "1" {
          print("SAMPLE named \(run.name.test)|\(run.name.arguments ?? "")")
        }
      }, exit: {})
  }

  fileprivate static var told: Self {
    SharedEnvironmentTrait(LazyEnvironment("nothing") { ready in try await ready(0) }).reporting(
      case: { run in
        let issues = run.issues.map { $0.contains("as it should") ? "as it should" : $0 }
        let function = run.name.test.split(separator: "/").last ?? ""
        print("SAMPLE case \(run.outcome) \(function) [\(issues.joined(separator: ", "))]")
      }, exit: {})
  }
}

private func ran(_ name: String) async throws {
  _ = try await SharedEnvironmentTrait<Int>.value()
  print("SAMPLE ran \(name)")
}

@Suite(.kind(.logic), .enabled(if: isSampleRun, "run by ShardsTests"), .counted)
struct ShardSample {
  enum Colour: String, CaseIterable { case red, green }

  @Test func alone() async throws { try await ran("alone") }
  @Test(arguments: 1...7) func numbers(_ number: Int) async throws { try await ran("number \(number)") }
  @Test(arguments: ["a", "b"], Colour.allCases) func pairs(_ letter: String, _ colour: Colour) async throws {
    try await ran("pair \(letter) \(colour)")
  }
  @Test(.disabled("never runs, and belongs to no shard")) func never() async throws { try await ran("never") }

  @Suite(.serialized) struct InOrder {
    @Test(arguments: [1, 1, 2]) func twice(_ number: Int) async throws { try await ran("twice \(number)") }
    @Test func last() async throws { try await ran("last") }
  }

  @Suite(.counted) struct Nested {
    @Test(arguments: 1...3) func nested(_ number: Int) async throws { try await ran("nested \(number)") }
  }
}

/// Of tests in the order of their names, every other one is to run.
@Suite(.kind(.logic), .enabled(if: isSampleRun, "run by ShardsTests"), .counted, .selectedTags("SAMPLE_TAGS"))
struct ChosenSample {
  @Test(.tags(.smoke)) func a1() async throws { try await ran("a1") }
  @Test func a2() async throws { try await ran("a2") }
  @Test(.tags(.smoke)) func a3() async throws { try await ran("a3") }
  @Test(.tags(.smoke), .disabled("belongs to no shard")) func a4() async throws { try await ran("a4") }
  @Test(.tags(.smoke)) func a5() async throws { try await ran("a5") }
  @Test func a6() async throws { try await ran("a6") }
  @Test(.tags(.smoke)) func a7() async throws { try await ran("a7") }
}

private struct StrangeError: Error, CustomStringConvertible {
  var description: String { "StrangeError" }
}

@Suite(.kind(.logic), .enabled(if: isSampleRun, "run by ShardsTests"), .told)
struct CaseSample {
  @Test func passes() {}
  @Test func records() { Issue.record("as it should") }
  @Test func fails() throws { throw StrangeError() }
  @Test func requires() throws { try #require(Bool(false), "as it should") }
  @Test func cancels() throws { try Test.cancel("by itself") }
}
