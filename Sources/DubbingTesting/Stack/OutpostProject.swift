import ComposeKit
import Foundation
import SocketIOLite
import Synchronization

extension TapPlace {
  /// Runs `body` with the place as containers find it: at once, or once an outpost is there.
  ///
  /// - Parameters:
  ///   - tap: the tap's port on this machine.
  ///   - engine: where the containers will be.
  ///   - settings: say which image the outpost has.
  ///   - progress: is called for each step of it.
  /// - Throws: ``DubbingError`` `remoteEngine` when there can be no outpost; what `body` throws.
  func withOutpost<R: Sendable>(
    to tap: Int, on engine: ComposeEngine, _ settings: DubbingSettings,
    progress: (@Sendable (ServiceProgress) -> Void)?, _ body: @Sendable (TapPlace) async throws -> R
  ) async throws -> R {
    guard let remote, let reason = remote.outpost, let route = engine.route else { return try await body(self) }
    let file = OutpostProject(
      image: settings.tapImage, clients: address, tap: engine.bindAddress ?? route.engine)
    let token = TapOutpost.newToken()
    let project = ComposeProject(
      name: OutpostProject.service, files: [try file.write()], environment: [TapOutpost.tokenVariable: token])
    let isThere = Atomic(false)
    do {
      return try await withComposeStacks(
        [project], on: engine, options: OutpostProject.options, progress: progress
      ) { stacks in
        let outpost = stacks[0]
        let taps = try await outpost.endpoint(of: OutpostProject.service, port: OutpostProject.tapPort)
        let clients = try await outpost.endpoints(of: OutpostProject.service, port: OutpostProject.clientsPort)
        var place = self
        place.port = clients[0].port
        let ready = place
        return try await TapOutpost(host: taps.host, port: taps.port, token: token)
          .connecting(to: tap, within: .seconds(15)) {
            isThere.store(true, ordering: .relaxed)
            return try await body(ready)
          }
      }
    } catch  where !isThere.load(ordering: .relaxed) && !(error is CancellationError) {
      throw DubbingError.noOutpost(on: engine, settings.tapImage, because: reason, error)
    }
  }
}

/// The compose project of a ``TapOutpost``: one container, which other containers of its engine reach on the bridge, and this machine where
/// it reaches all others.
package struct OutpostProject {
  var image: String
  /// On which addresses of the engine's host its two ports are published.
  var clients: String
  var tap: String

  package init(image: String, clients: String, tap: String) {
    (self.image, self.clients, self.tap) = (image, clients, tap)
  }

  static let service = "tap-outpost"
  static let (clientsPort, tapPort) = (4001, 4002)

  static var options: UpOptions {
    // It says itself when it is there.
    UpOptions(timeout: .seconds(30), settlingTime: .zero, stopTimeout: .seconds(1))
  }

  private struct File: Encodable {
    struct Service: Encodable {
      struct Port: Encodable {
        var target: Int
        var address: String
        var transport = "tcp"

        enum CodingKeys: String, CodingKey {
          case target
          case address = "host_ip"
          case transport = "protocol"
        }
      }
      var image: String
      var entrypoint: [String]
      var command: [String] = []
      var environment: [String: String]
      var ports: [Port]
      var user = "65534:65534"
      var isReadOnly = true
      var droppedCapabilities = ["ALL"]

      enum CodingKeys: String, CodingKey {
        case image, entrypoint, command, environment, ports, user
        case isReadOnly = "read_only"
        case droppedCapabilities = "cap_drop"
      }
    }
    var services: [String: Service]
  }

  /// - Returns: the path of the compose file.
  package func write() throws -> String {
    let service = File.Service(
      // Compose fills in what has one sign.
      image: image,
      entrypoint: ["perl", "-e", TapOutpost.program.replacing("$", with: "$$")],
      environment: [
        TapOutpost.tokenVariable: "${\(TapOutpost.tokenVariable)}",
        TapOutpost.clientsVariable: "\(Self.clientsPort)", TapOutpost.tapVariable: "\(Self.tapPort)",
      ],
      ports: [.init(target: Self.clientsPort, address: clients), .init(target: Self.tapPort, address: tap)])
    return try ComposeFile.write(
      File(services: [Self.service: service]), named: Self.service, of: [image, clients, tap])
  }
}

extension DubbingError {
  fileprivate static func noOutpost(
    on engine: ComposeEngine, _ image: String, because reason: String, _ error: any Error
  ) -> DubbingError {
    var words = ["\(error)"]
    if let error = error as? ComposeError { words = [error.summary] + error.evidence.suffix(5) }
    return DubbingError(
      .remoteEngine,
      "the tap's outpost on \(engine.host), without which containers there cannot reach this machine, does not work",
      evidence: ["engine    \(engine)", "because   \(reason)"] + words.map { "says      \($0)" },
      next:
        "its image, \(image), is said by E2E_TAP_IMAGE: one with perl that this machine or the engine has, or can pull; "
        + "or let the engine's host connect to this machine", underlying: error)
  }
}
