import ComposeTesting
import Foundation
import Subprocess
import Synchronization
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite("The program that runs the tests is ended", .kind(.containers), .serialized)
struct TestRunnerEngineTests {
  typealias Fixture = EngineFixture

  // SwiftPM starts the test process in a process group of its own and passes SIGINT on to it, not SIGTERM: what `timeout` and most CI
  // systems send ends `swift test` alone (seen with Swift 6.3.1).
  @Test("SIGTERM to the process group of swift test: nothing is left", arguments: [SIGTERM, SIGKILL])
  func group(_ signal: Int32) async throws {
    try await Fixture.with(Fixture.healthy) { fixture in
      // A shell of that name stands in for SwiftPM: it starts the owner in a group of its own and waits for it.
      let runner = fixture.folder.appending(path: "swift-test")
      try FileManager.default.copyItem(at: URL(fileURLWithPath: "/bin/sh").resolvingSymlinksInPath(), to: runner)
      let script = #"setsid "$1" body "$2" "$3" & echo "owner $!"; wait"#
      var platform = PlatformOptions()
      platform.createSession = true
      let owner = Mutex<Int32?>(nil)
      let result = try await Subprocess.run(
        .path(FilePath(runner.path())),
        arguments: ["-c", script, "swift-test", try Owner.executable, fixture.name, fixture.project.files[0]],
        platformOptions: platform, input: .none, output: .sequence, error: .discarded
      ) { execution in
        for try await line in execution.standardOutput.strings() {
          if line.hasPrefix("owner ") { owner.withLock { $0 = Int32(line.dropFirst(6).filter(\.isNumber)) } }
          guard line.hasPrefix("at body") else { continue }
          kill(-execution.processIdentifier.value, signal)
          break
        }
      }
      #expect(result.terminationStatus == .signaled(signal))
      let pid = try #require(owner.withLock { $0 })
      #expect(try await fixture.leftoversAtLast() == [])
      let hasEnded = await Fixture.eventually { kill(pid, 0) != 0 }
      #expect(hasEnded)
      if !hasEnded { kill(pid, SIGKILL) }
    }
  }
}
