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
