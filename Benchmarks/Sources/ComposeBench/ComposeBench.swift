import BenchSupport
import ComposeKit
import Foundation
import Synchronization

/// Starts projects with ComposeKit and prints when it knew that they are ready, or that one has failed.
@main
struct ComposeBench {
  static func main() async { await Report.running { try await run(Array(CommandLine.arguments.dropFirst())) } }

  static func run(_ arguments: [String]) async throws {
    if arguments.count >= 3, arguments[0] == "up", arguments.count % 2 == 1 {
      let pairs = stride(from: 1, to: arguments.count, by: 2)
      try await up(pairs.map { ComposeProject(name: arguments[$0], files: [arguments[$0 + 1]]) })
    } else if arguments.count == 4, arguments[0] == "calls", let count = Int(arguments[3]) {
      try await calls(ComposeProject(name: arguments[1], files: [arguments[2]]), count: count)
    } else if arguments.count == 3, arguments[0] == "remove" {
      try await ComposeProject(name: arguments[1], files: [arguments[2]]).removeReused()
    } else {
      Report.usage("ComposeBench up NAME FILE [NAME FILE …] | calls NAME FILE COUNT | remove NAME FILE")
    }
  }

  /// Says when the body began, or when the failure was shown as progress, and when it was thrown; the process ends when all is removed.
  static func up(_ projects: [ComposeProject]) async throws {
    let before = Usage.peakMB
    let shown = Shown()
    let progress: @Sendable (ServiceProgress) -> Void = { shown.take($0) }
    do {
      try await withComposeStacks(projects, progress: progress) { _ in
        try Report.line(
          ["time": Report.wallClock, "rss_growth_mb": Usage.peakMB - before, "adopted": shown.isAdopted ? 1 : 0],
          event: "ready")
      }
    } catch let error as ComposeError {
      let thrown = Report.wallClock
      guard let time = shown.failure else { throw error }
      try Report.line(["time": time, "thrown": thrown], event: "error")
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }

  /// What progress has told.
  final class Shown: Sendable {
    // Progress comes from any thread.
    private let state = Mutex<(failure: Double?, isAdopted: Bool)>((nil, false))

    /// When the first failure was told.
    var failure: Double? { state.withLock { $0.failure } }
    var isAdopted: Bool { state.withLock { $0.isAdopted } }

    func take(_ progress: ServiceProgress) {
      let isFailure = progress.phase == .failed || progress.phase == .unhealthy
      state.withLock {
        if isFailure { $0.failure = $0.failure ?? Report.wallClock }
        if progress.phase == .adopted { $0.isAdopted = true }
      }
    }
  }

  /// The same compose calls through ComposeKit and by hand, in turns.
  static func calls(_ project: ComposeProject, count: Int) async throws {
    try await withComposeStack(project) { stack in
      let prefix = stack.engine.command + ["-p", stack.projectName] + project.files.flatMap { ["-f", $0] }
      var ours: [Double] = []
      var byHand: [Double] = []
      for _ in 0..<count {
        ours.append(try await milliseconds { try await stack.pause("a") })
        byHand.append(try await milliseconds { try call(prefix + ["unpause", "a"]) })
        byHand.append(try await milliseconds { try call(prefix + ["pause", "a"]) })
        ours.append(try await milliseconds { try await stack.unpause("a") })
      }
      try Report.line(["ours_ms": percentile(ours, 0.5), "raw_ms": percentile(byHand, 0.5)])
    }
  }

  static func milliseconds(_ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - start).milliseconds
  }

  static func call(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(command: command, status: process.terminationStatus) }
  }

  struct Failure: Error {
    var command: [String]
    var status: Int32
  }
}
