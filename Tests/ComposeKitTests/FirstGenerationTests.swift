import Testing

@testable import ComposeKit

/// The messages are those of docker-compose 1.29.2 with engine 20.10.
@Suite("What docker-compose 1.29 says when a start fails")
struct FirstGenerationTests {
  private func failure(_ standardError: String) -> FirstGenerationFailure? {
    FirstGenerationFailure(output: .init(exitCode: 1, standardOutput: "", standardError: standardError))
  }

  @Test("An image that cannot be pulled, after the network was created")
  func pull() {
    let failed = failure(
      """
      Creating network "shop_default" with the default driver
      Pulling web (localhost:1/none:none)...
      Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused
      """)
    #expect(failed?.code == .pullFailed)
    #expect(failed?.service == "web")
  }

  @Test("An image that cannot be built")
  func build() {
    let failed = failure(
      """
      Building web
      The command '/bin/sh -c exit 9' returned a non-zero code: 9
      Service 'web' failed to build : Build failed
      """)
    #expect(failed?.code == .buildFailed)
    #expect(failed?.service == "web")
  }

  @Test("A container that cannot be started after its image was pulled is neither, and names its service")
  func start() {
    let text = """
      Pulling web (registry/web:1)...
      Creating shop_web_1 ...
      ERROR: for web  Cannot start service web: driver failed programming external connectivity
      """
    #expect(failure(text) == nil)
    #expect(FirstGenerationFailure.service(in: text) == "web")
    #expect(FirstGenerationFailure.service(in: "Creating shop_web_1 ...") == nil)
  }
}
