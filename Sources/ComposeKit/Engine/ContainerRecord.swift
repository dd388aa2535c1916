import Foundation

/// What `docker inspect` says of a container, as far as it is needed here.
package struct ContainerRecord: Sendable, Decodable {
  struct State: Sendable, Decodable {
    struct Health: Sendable, Decodable {
      struct Probe: Sendable, Decodable {
        var exitCode: Int?
        var output: String?
      }
      var status: String?
      /// How often in a row it has failed.
      var failingStreak: Int?
      var log: [Probe]?
    }
    var status: String?
    var exitCode: Int?
    var oomKilled: Bool?
    var startedAt: String?
    var health: Health?
  }
  struct Config: Sendable, Decodable {
    var image: String?
    var labels: [String: String]?
    /// "NAME=value".
    var env: [String]?
    var healthcheck: HealthCheck?
  }
  struct HealthCheck: Sendable, Decodable {
    /// How often in a row it has to fail; 0 or nil for the engine's default.
    var retries: Int?
  }
  struct HostConfig: Sendable, Decodable {
    struct RestartPolicy: Sendable, Decodable {
      var name: String?
      var maximumRetryCount: Int?
    }
    var restartPolicy: RestartPolicy?
    var networkMode: String?
    /// "name:address", as `extra_hosts` has them.
    var extraHosts: [String]?
  }
  package struct Binding: Sendable, Decodable {
    var hostIp: String?
    var hostPort: String?

    package init(hostIp: String?, hostPort: String?) {
      (self.hostIp, self.hostPort) = (hostIp, hostPort)
    }
  }
  struct NetworkSettings: Sendable, Decodable {
    struct Network: Sendable, Decodable {
      struct AddressConfiguration: Sendable, Decodable {
        var iPv4Address: String?
      }
      var aliases: [String]?
      var gateway: String?
      var ipamConfig: AddressConfiguration?
    }
    var ports: [String: [Binding]?]?
    var networks: [String: Network]?
  }
  var id: String
  var name: String?
  var restartCount: Int?
  var state: State?
  var config: Config?
  var hostConfig: HostConfig?
  var networkSettings: NetworkSettings?
  /// The id of the image that it was made from.
  var image: String?

  package static func decode(_ text: String) throws -> [ContainerRecord] {
    try EngineJSON.decode([ContainerRecord].self, from: text, of: "docker inspect")
  }

  private var labels: [String: String] { config?.labels ?? [:] }
  var service: String { labels["com.docker.compose.service"] ?? "" }
  var replica: Int { Int(labels["com.docker.compose.container-number"] ?? "") ?? 1 }
  /// A container of `compose run`, which is not one of the service's.
  var isOneOff: Bool { labels["com.docker.compose.oneoff"]?.lowercased() == "true" }

  var status: ServiceStatus {
    let hasExited = state?.status == "exited" || state?.status == "dead"
    return ServiceStatus(
      service: service, replica: replica, containerID: id,
      containerName: String((name ?? "").drop(while: { $0 == "/" })), image: config?.image ?? "",
      state: ServiceStatus.State(rawValue: state?.status ?? "") ?? .unknown,
      health: ServiceStatus.Health(rawValue: state?.health?.status ?? "") ?? .none,
      exitCode: hasExited ? state?.exitCode : nil, isOutOfMemory: state?.oomKilled ?? false,
      restartCount: restartCount ?? 0)
  }

  /// The output of the last run of the health check.
  var lastProbe: String? {
    guard let probe = state?.health?.log?.last else { return nil }
    let output = (probe.output ?? "").trimmed
    return "exit code \(probe.exitCode ?? 0)" + (output.isEmpty ? ", no output" : ": \(output)")
  }

  /// The published bindings of a container port.
  func bindings(port: Int, protocol proto: PortProtocol) -> [Binding] {
    (networkSettings?.ports?["\(port)/\(proto.rawValue)"] ?? nil) ?? []
  }

  /// All published ports, for messages: "80/tcp on 127.0.0.1:8080".
  var publishedPorts: [String] {
    var texts: [String] = []
    for (port, bindings) in networkSettings?.ports ?? [:] {
      for binding in bindings ?? [] { texts.append("\(port) on \(binding.hostIp ?? ""):\(binding.hostPort ?? "")") }
    }
    return texts.sorted()
  }
}

/// A transport protocol of a published port.
public enum PortProtocol: String, Sendable, Hashable {
  case tcp, udp, sctp
}

/// The state of one container of a service.
public struct ServiceStatus: Sendable, Hashable {
  /// What the engine says of the container.
  public enum State: String, Sendable, Hashable {
    case created, running, paused, restarting, removing, exited, dead, unknown
  }
  /// What the health check says, `none` without one.
  public enum Health: String, Sendable, Hashable {
    case none, starting, healthy, unhealthy
  }
  /// The service's name in its compose files.
  public var service: String
  /// The number of the container within its service, from 1.
  public var replica: Int
  /// The container's identifier, in full.
  public var containerID: String
  /// The container's name, unique on its engine.
  public var containerName: String
  /// The image that it was made of, as the engine names it.
  public var image: String
  /// Whether it runs.
  public var state: State
  /// Whether it is well.
  public var health: Health
  /// The exit code of a container that has exited, else nil.
  public var exitCode: Int?
  /// Whether the kernel killed it for its memory.
  public var isOutOfMemory: Bool
  /// How often the engine has restarted it.
  public var restartCount: Int
}

/// What `docker network inspect` says.
struct NetworkRecord: Sendable, Decodable {
  struct AddressManagement: Sendable, Decodable {
    struct Pool: Sendable, Decodable {
      var subnet: String?
      var gateway: String?
    }
    var config: [Pool]?
  }
  var ipam: AddressManagement?
  /// Those of podman's own program.
  var subnets: [AddressManagement.Pool]?

  static func decode(_ text: String) throws -> [NetworkRecord] {
    try EngineJSON.decode([NetworkRecord].self, from: text, of: "docker network inspect")
  }

  /// The host's address on the network, IPv4 first; engine 20.10 leaves it out for a default bridge: then the subnet's first one.
  var gateway: String? {
    let pools = ipam?.config ?? subnets ?? []
    let stated = pools.compactMap { $0.gateway }.filter { !$0.isEmpty }
    if let gateway = stated.first(where: { $0.contains(".") }) ?? stated.first { return gateway }
    return pools.compactMap { $0.subnet }.compactMap { Self.firstAddress(ofSubnet: $0) }.first
  }

  static func firstAddress(ofSubnet subnet: String) -> String? {
    var bytes = subnet.prefix(while: { $0 != "/" }).split(separator: ".").compactMap { UInt8($0) }
    guard bytes.count == 4, bytes[3] < 255 else { return nil }
    bytes[3] += 1
    return bytes.map(String.init).joined(separator: ".")
  }
}

/// Decoding of what the engine and compose print.
enum EngineJSON {
  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { SwiftKey(stringValue: swiftName(of: $0.last?.stringValue ?? "")) }
    return decoder
  }

  /// The engine's key in Swift's case: "OOMKilled" is `oomKilled`, "IPAM" is `ipam`, "depends_on" is `dependsOn`.
  static func swiftName(of key: String) -> String {
    let words = key.split(separator: "_").enumerated().map {
      $0.offset == 0 ? String($0.element) : $0.element.prefix(1).uppercased() + $0.element.dropFirst().lowercased()
    }
    let letters = Array(words.joined())
    var capitals = letters.prefix(while: \.isUppercase).count
    if capitals > 1 && capitals < letters.count { capitals -= 1 }
    return String(letters.prefix(capitals)).lowercased() + String(letters.dropFirst(capitals))
  }

  private struct SwiftKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  static func decode<T: Decodable>(_ type: T.Type, from text: String, of source: String) throws -> T {
    do {
      return try decoder.decode(type, from: Data(text.utf8))
    } catch {
      throw ComposeError(
        .commandFailed, "the output of \(source) is not what was expected: \(error)",
        evidence: text.outputLines.prefix(5).map { String($0.prefix(200)) },
        next: "report this with the versions of the engine and compose", underlying: error)
    }
  }
}
