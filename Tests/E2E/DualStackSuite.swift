import ComposeTesting
import DubbingTesting
import Foundation
import Testing

/// The specification of a dubbing pipeline, run against the real thing.
///
/// Everything under this suite shares one environment: both compose projects and the tap between them, started when the first
/// test asks for it and taken down after the last.
@Suite(
  "E2E", .kind(.streams), .dualStack(.standard, settings: Settings.dubbing), .selectedTags("E2E_TAGS"))
enum E2E {}

extension Tag {
  /// The shortest proof that the pipeline works; run on every push.
  @Tag static var smoke: Self
  /// The services and the wires between them.
  @Tag static var communication: Self
  /// The speech-to-speech service alone.
  @Tag static var sts: Self
  /// A stream through everything.
  @Tag static var pipeline: Self
  /// The published output, looked at closely.
  @Tag static var output: Self
  /// Other settings than the standard ones, and several streams or whole runs at once.
  @Tag static var config: Self
  /// Takes more than half a minute.
  @Tag static var slow: Self
  /// The second pair of services, which shares nothing with the first.
  @Tag static var foreign: Self
  /// An engine on another machine; run by `make remote` alone.
  @Tag static var remote: Self
  /// Faults that a check must catch.
  @Tag static var faults: Self
}

extension Trait where Self == ConditionTrait {
  /// For what is about this package's own services, their settings and containers: never run on those that `E2E_STACK` describes.
  static var ownServices: Self {
    let own = URL(filePath: "compose/stack.json")
    let file = Settings.stackFile.map { URL(filePath: $0) } ?? own
    return .enabled(
      if: file.resolvingSymlinksInPath().path == own.resolvingSymlinksInPath().path,
      "about this package's own services, and E2E_STACK describes others")
  }
}
