import ComposeKit
import ComposeTesting
import Foundation
import Testing

@Suite("What errors advise", .kind(.containers), .serialized)
struct AdviceEngineTests {
  typealias Fixture = EngineFixture

  // docs.docker.com/engine/network/drivers/host: published ports are ignored, the container's are the host's.
  @Test("A port of a service on the host's network: the error says whose ports they are")
  func hostNetwork() async throws {
    try await Fixture.with("services:\n" + Fixture.service("web", "exec sleep 600", "network_mode: host")) { fixture in
      try await withComposeStack(fixture.project, options: Fixture.options()) { stack in
        let error = await #expect(throws: ComposeError.self) { try await stack.endpoint(of: "web", port: 80) }
        #expect(error?.code == .unknownPort)
        #expect(error?.next?.contains("network_mode: host") == true, "\(error?.next ?? "")")
        #expect(error?.next?.contains("\(stack.engine.host):80") == true, "\(error?.next ?? "")")
      }
    }
  }

  // A service without a wait for its database exits until that is up; three exits are a loop by default.
  @Test("A service that restarts until its database is up: the error names the option that allows it")
  func restartsUntilReady() async throws {
    let script =
      "n=$$(cat /n/n 2>/dev/null || echo 0); echo $$((n + 1)) > /n/n; [ $$n -ge 4 ] && exec sleep 600; exit 1"
    let yaml =
      "services:\n" + Fixture.service("web", script, "restart: always\n    volumes: [\"state:/n\"]")
      + "volumes: {state: {}}\n"
    try await Fixture.with(yaml) { fixture in
      let error = await #expect(throws: ComposeError.self) {
        try await withComposeStack(fixture.project, options: Fixture.optionsForFailing()) { _ in }
      }
      #expect(error?.code == .restartLoop)
      #expect(error?.next?.contains("UpOptions.allowedRestarts") == true, "\(error?.next ?? "")")
      // And it is true.
      var options = Fixture.options()
      options.allowedRestarts = 5
      try await withComposeStack(fixture.project, options: options) { _ in }
    }
  }
}
