import ComposeKit
import Foundation

// What a description becomes when it is started.

extension DualStack {
  package var upOptions: UpOptions {
    var options = UpOptions()
    options.timeout = budget.health
    // The same deadline once more, by name: a service that no compose file has is then refused before anything is started.
    let needed = Set(ports.values.map(\.service))
    options.timeouts = Dictionary(uniqueKeysWithValues: needed.map { ($0, budget.health) })
    // An image without a shell, such as MediaMTX's, cannot have a health check: it is asked from here.
    if let port = ports[.controlAPI] {
      options.probes[port.service] = [.http(port: port.number, path: healthPath(of: .controlAPI) ?? "/")]
    }
    if !services.isEmpty { options.services = Set(services).union(needed).sorted() }
    options.stopTimeout = .seconds(3)
    return options
  }

  /// Says it in the words of the file, if there is one.
  func unknownService(_ error: ComposeError) -> any Error {
    guard let file, let service = error.service else { return error }
    return DubbingError(
      stackFile: file, problem: "no compose file has a service \(service)",
      next: error.next ?? "compare with `docker compose config --services`")
  }

  /// Throws where a port without which nothing can be dubbed is missing.
  func requirePorts() throws(DubbingError) {
    let missing = Role.needed.filter { ports[$0] == nil }.map(\.name)
    guard !missing.isEmpty else { return }
    throw DubbingError(
      stackFile: file ?? "a description in Swift",
      problem: "there is no port for \(missing.joined(separator: ", "))",
      next: "say which service and port it is in DualStack.ports")
  }

  /// Both projects, the worker's with the tap for STS.
  ///
  /// - Parameters:
  ///   - tap: the port on which the tap listens.
  ///   - gateway: the address of the engine's bridge, on which STS may publish its port for other containers.
  ///   - place: where containers reach the tap; nil: on that bridge.
  package func projects(
    tap: Int, gateway: String, place: TapPlace? = nil
  ) throws -> (media: ComposeProject, sts: ComposeProject) {
    var (media, sts) = (media, sts)
    // What both share and is not the files' own, such as the name of a network, must be another one in each run.
    let run = UUID().uuidString.prefix(8).lowercased()
    media.environment = media.environment.mapValues { $0.replacing("{run}", with: run) }
    sts.environment = sts.environment.mapValues { $0.replacing("{run}", with: run) }
    media.environment.merge(workerEnvironment(tap: tap, host: place?.host(for: self))) { $1 }
    sts.environment[gatewayVariable] = gateway
    if addsExtraHosts, let worker = ports[.worker] {
      // Relative paths start at the first file's folder, whatever is laid over it.
      media.files.append(try Self.extraHosts(of: worker.service, [hostName: place?.address ?? gateway]))
    }
    return (media, sts)
  }

  /// What the worker is told so that it finds the tap in the place of STS.
  ///
  /// - Parameters:
  ///   - tap: its port.
  ///   - host: its host; nil: ``hostName``.
  package func workerEnvironment(tap: Int, host: String? = nil) -> [String: String] {
    let host = host ?? hostName
    // An address of IPv6 has brackets in a URL.
    return [
      stsURLVariable: stsURL.replacing("{host}", with: host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host)
        .replacing("{port}", with: "\(tap)")
    ]
  }

  /// A compose file that tells a service where hosts are; one for each content, since whoever removes a project reads its files again.
  static func extraHosts(of service: String, _ hosts: [String: String]) throws -> String {
    let lines = hosts.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }
    return try ComposeFile.write(
      ["services": [service: ["extra_hosts": lines]]], named: "extra-hosts", of: [service] + lines)
  }
}
