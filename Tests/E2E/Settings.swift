import ComposeKit
import DubbingTesting
import Foundation

/// What the environment says of a run of these suites: every variable is read here, or in ``DubbingSettings/fromEnvironment(_:)``.
enum Settings {
  private static let environment = ProcessInfo.processInfo.environment

  /// What the whole process goes by.
  static let dubbing = DubbingSettings.fromEnvironment()
  /// `E2E_STACK`: a file that describes other projects than this package's own.
  static let stackFile = environment["E2E_STACK"].flatMap { $0.isEmpty ? nil : $0 }
  /// `E2E_PORTS=fixed` publishes the ports of the contract (8554, 1935, 9997, 8080, 3000), and not those that the engine chooses.
  static let fixedPorts = environment["E2E_PORTS"] == "fixed"
  /// `E2E_BENCH=1`: `make bench` measures.
  static let isBenchmark = environment["E2E_BENCH"] == "1"
  /// `E2E_REMOTE=1`: `make remote` has made an engine on another machine; `nat`: one that cannot connect to this one.
  static let isRemote = ["1", "nat"].contains(environment["E2E_REMOTE"])
  static let isBehindNAT = environment["E2E_REMOTE"] == "nat"
  /// `STS_PROVIDERS`: what is laid over `sts.yml`.
  static let providers = environment["STS_PROVIDERS"]

  /// `E2E_COMPOSE`: the folder of this package's compose files.
  private static let compose =
    environment["E2E_COMPOSE"] ?? FileManager.default.currentDirectoryPath + "/compose"

  /// This package's own projects.
  ///
  /// A port's own variable, such as `MEDIAMTX_RTSP_PORT`, always wins. `MEDIA_SERVER=mediamtx` lays `media.mediamtx.yml` over `media.yml`
  /// (MediaMTX instead of the relay), `STS_PROVIDERS=models` lays `sts.models.yml` over `sts.yml` (Whisper and Kokoro).
  fileprivate static var ownStack: DualStack {
    func ports(_ variables: [String]) -> [String: String] {
      let free = fixedPorts ? [] : variables.filter { environment[$0] == nil }
      return Dictionary(uniqueKeysWithValues: free.map { ($0, "0") })
    }
    var stack = DualStack(
      media: ComposeProject(
        name: "e2e-media-019",
        files: files("media", variant: environment["MEDIA_SERVER"], standard: "relay", in: compose),
        environment: ports(["MEDIAMTX_RTSP_PORT", "MEDIAMTX_RTMP_PORT", "MEDIAMTX_API_PORT", "MEDIA_SERVICE_PORT"])),
      sts: ComposeProject(
        name: "e2e-sts-019", files: files("sts", variant: providers, standard: "offline", in: compose),
        environment: ports(["STS_PORT"])))
    // Of this package's own worker more is known than can be seen of any.
    (stack.tail, stack.picture) = (.flushed, .untouched)
    // It looks six times a second for what there is, and has joined within half a second on two busy cores.
    if stack.media.files.count == 1 { stack.publisherLead = .milliseconds(800) }
    return stack
  }

  /// The compose file, and the one that is laid over it. A variant without such a file is compose's error, which names the file.
  static func files(_ name: String, variant: String?, standard: String, in folder: String) -> [String] {
    let base = "\(folder)/\(name).yml"
    guard let variant, !variant.isEmpty, variant != standard else { return [base] }
    return [base, "\(folder)/\(name).\(variant).yml"]
  }
}

extension DualStack {
  /// The two projects that `E2E_STACK` describes; without it, this package's own.
  static let standard =
    Settings.stackFile.map { DualStack.described(by: $0, fixedPorts: Settings.fixedPorts) } ?? Settings.ownStack
}
