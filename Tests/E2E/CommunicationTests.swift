import ComposeKit
import DubbingTesting
import Testing

extension E2E {
  @Suite("Service communication", .tags(.communication, .smoke), .ownServices)
  struct Communication {
    @Test("All published ports answer in their own protocol")
    func everyPortAnswers() async throws {
      let environment = try await DualStackEnvironment.current
      let health = await environment.health()
      #expect(Set(health.map(\.name)).isSuperset(of: DualStack.Role.needed.map(\.name)))
      for service in health { #expect(service.isHealthy, "\(service.name) at \(service.url): \(service.answer)") }
    }

    @Test("Every service is running, healthy if it has a health check, and none has been restarted")
    func everyServiceIsHealthy() async throws {
      let environment = try await DualStackEnvironment.current
      let services = try await environment.media.services() + environment.sts.services()
      let stack = environment.stack
      let described = stack.ports.values.map(\.service)
      #expect(Set(described).isSubset(of: services.map(\.service)))
      for service in services {
        #expect(service.state == .running && service.restartCount == 0, "\(service)")
        #expect([.healthy, .none].contains(service.health), "\(service)")
      }
    }

    @Test("STS answers the media network at host.docker.internal, through the tap")
    func stsIsReachableFromMediaNetwork() async throws {
      let environment = try await DualStackEnvironment.current
      let answer = try await environment.getFromWorker(
        "\(environment.speechURLForWorker)\(environment.speechHealthPath)")
      #expect(answer.exitCode == 0, "\(answer.standardError)")
      #expect(answer.standardOutput.contains("\"engine\""), "\(answer.standardOutput)")
    }

    @Test("STS answers the media network at its own published port as well")
    func stsIsReachableWithoutTap() async throws {
      let environment = try await DualStackEnvironment.current
      let gateway = try await ComposeEngine.bridgeGateway()
      let published = try await environment.sts.endpoints(
        of: environment.stack[.speech].service, port: environment.stack[.speech].number)
      let onBridge = try #require(published.first { $0.host == gateway }, "published: \(published)")
      let answer = try await environment.getFromWorker(
        "http://\(environment.stack.hostName):\(onBridge.port)\(environment.speechHealthPath)")
      #expect(answer.exitCode == 0, "\(answer.standardError)")
    }
  }
}

extension DualStackEnvironment {
  fileprivate var speechHealthPath: String { stack[.speech].healthPath ?? "/health" }

  /// GET from inside the worker's container.
  fileprivate func getFromWorker(_ url: String) async throws -> ExecResult {
    let program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
    return try await media.exec(stack[.worker].service, ["python3", "-c", program, url])
  }
}
