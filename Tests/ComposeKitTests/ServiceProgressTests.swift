import ComposeKit
import ComposeTesting
import Synchronization
import Testing

@Suite("Progress as a stream", .kind(.logic))
struct ServiceProgressTests {
  private struct Failed: Error {}

  private static func step(_ phase: ServiceProgress.Phase, reason: String? = nil) -> ServiceProgress {
    ServiceProgress(
      project: "shop", projectName: "shop-1", service: "web", phase: phase, elapsed: .seconds(2), reason: reason)
  }

  @Test("Every step arrives in order, and the stream ends with the body, however it ends", arguments: [false, true])
  func stream(_ fails: Bool) async throws {
    let seen = Mutex<[ServiceProgress.Phase]>([])
    let hasEnded = Mutex(false)
    do {
      let value = try await withServiceProgress { steps in
        for await step in steps { seen.withLock { $0.append(step.phase) } }
        hasEnded.withLock { $0 = true }
      } during: { progress in
        for phase in [ServiceProgress.Phase.created, .starting, .healthy] { progress(Self.step(phase)) }
        if fails { throw Failed() }
        return 7
      }
      #expect(value == 7)
      #expect(!fails)
    } catch is Failed {
      #expect(fails)
    }
    #expect(seen.withLock { $0 } == [.created, .starting, .healthy])
    #expect(hasEnded.withLock { $0 })
  }

  @Test("A failure is shown with its reason")
  func reason() {
    let said = Mutex("")
    let printer = ProgressPrinter(isTerminal: false) { text in said.withLock { $0 += text } }
    printer(Self.step(.failed, reason: "web exited with code 3"))
    #expect(said.withLock { $0 } == "shop   web       failed    2.0 s  web exited with code 3\n")
  }
}
