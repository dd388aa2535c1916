import ComposeKit
import Foundation

/// Two compose projects described in JSON, for a team that writes no Swift.
///
/// `docs/bring-your-own-stack.md` lists the keys. An unknown key is an error: a misspelt one would silently leave a default in place.
package struct StackFile: Decodable {
  package struct Project: Decodable {
    var name: String?
    var files: [String]
    var projectDirectory: String?
    var profiles: [String]?
    var environment: [String: String]?
    var envFiles: [String]?
    var sharedVolumes: [String]?
    var sharedNetworks: [String]?
    /// "media" or "sts": the other one of the two.
    var startAfter: String?

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case name, files, profiles, environment
      case projectDirectory = "project_directory"
      case envFiles = "env_files"
      case sharedVolumes = "shared_volumes"
      case sharedNetworks = "shared_networks"
      case startAfter = "start_after"
    }
  }

  package struct Port: Decodable {
    var service: String
    var port: Int
    /// Passes the port on the host to the compose file.
    var variable: String?
    var healthPath: String?
    /// Whose service it is, of a further port.
    var project: DualStack.Project?

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case service, port, variable, project
      case healthPath = "health_path"
    }
  }

  /// The ports by their roles.
  struct Ports: Decodable {
    var byRole: [DualStack.Role: Port] = [:]

    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for role in DualStack.Role.needed {
        byRole[role] = try container.decode(Port.self, forKey: Key(stringValue: role.name))
      }
      let further = try container.decodeIfPresent([String: Port].self, forKey: Key(stringValue: "ports")) ?? [:]
      for (name, port) in further { byRole[DualStack.Role(name, in: port.project ?? .media)] = port }
    }
  }

  package struct Budget: Decodable {
    var health: Double?
    var segment: Double?
    var fragment: Double?
    var pipeline: Double?

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case health = "health_s"
      case segment = "segment_s"
      case fragment = "fragment_s"
      case pipeline = "pipeline_s"
    }
  }

  package struct Padding: Decodable {
    var lead: Double?
    var tail: Double?

    package enum CodingKeys: String, CodingKey, CaseIterable {
      case lead = "lead_s"
      case tail = "tail_s"
    }
  }

  var media: Project
  var sts: Project
  /// Those of the needed roles, at the top, and the further ones below `ports`.
  var ports: Ports
  var services: [String]?
  var stsURLVariable: String?
  var stsURL: String?
  var gatewayVariable: String?
  var hostName: String?
  var extraHosts: Bool?
  var inputPath: String?
  var outputPath: String?
  var budget: Budget?
  var publisherLead: Double?
  var readRate: Double?
  var tolerances: [String: Double]?
  var tail: FixtureCoverage.Tail?
  var video: VideoMatch.Treatment?
  var padding: Padding?
  var contract: ContractFile?
  var checks: ChecksFile?

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case media, sts, ports, services, budget, tolerances, tail, video, padding, contract, checks
    case stsURLVariable = "sts_url_variable"
    case stsURL = "sts_url"
    case gatewayVariable = "gateway_variable"
    case hostName = "host_name"
    case extraHosts = "extra_hosts"
    case inputPath = "input_path"
    case outputPath = "output_path"
    case publisherLead = "publisher_lead_s"
    case readRate = "readrate"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    media = try container.decode(Project.self, forKey: .media)
    sts = try container.decode(Project.self, forKey: .sts)
    ports = try Ports(from: decoder)
    services = try container.decodeIfPresent([String].self, forKey: .services)
    stsURLVariable = try container.decodeIfPresent(String.self, forKey: .stsURLVariable)
    stsURL = try container.decodeIfPresent(String.self, forKey: .stsURL)
    gatewayVariable = try container.decodeIfPresent(String.self, forKey: .gatewayVariable)
    hostName = try container.decodeIfPresent(String.self, forKey: .hostName)
    extraHosts = try container.decodeIfPresent(Bool.self, forKey: .extraHosts)
    inputPath = try container.decodeIfPresent(String.self, forKey: .inputPath)
    outputPath = try container.decodeIfPresent(String.self, forKey: .outputPath)
    budget = try container.decodeIfPresent(Budget.self, forKey: .budget)
    publisherLead = try container.decodeIfPresent(Double.self, forKey: .publisherLead)
    readRate = try container.decodeIfPresent(Double.self, forKey: .readRate)
    tolerances = try container.decodeIfPresent([String: Double].self, forKey: .tolerances)
    tail = try container.decodeIfPresent(FixtureCoverage.Tail.self, forKey: .tail)
    video = try container.decodeIfPresent(VideoMatch.Treatment.self, forKey: .video)
    padding = try container.decodeIfPresent(Padding.self, forKey: .padding)
    contract = try container.decodeIfPresent(ContractFile.self, forKey: .contract)
    checks = try container.decodeIfPresent(ChecksFile.self, forKey: .checks)
  }

  /// The keys that an object at some place may have; nil where any key may stand.
  static func keys(at path: [String]) -> [String]? {
    if path.first == "checks" { return ChecksFile.keys(at: Array(path.dropFirst())) }
    if path.first == "contract" { return ContractFile.keys(at: Array(path.dropFirst())) }
    let needed = DualStack.Role.needed.map(\.name)
    return switch path.count {
    case 0: CodingKeys.allCases.map(\.rawValue) + needed
    case 1 where path == ["media"] || path == ["sts"]: Project.CodingKeys.allCases.map(\.rawValue)
    case 1 where path == ["tolerances"]: Tolerances.keys.keys.sorted()
    case 1 where path == ["padding"]: Padding.CodingKeys.allCases.map(\.rawValue)
    case 1 where path == ["budget"]: Budget.CodingKeys.allCases.map(\.rawValue)
    // Whose service a needed one is goes without saying.
    case 1 where needed.contains(path[0]): Port.CodingKeys.allCases.filter { $0 != .project }.map(\.rawValue)
    case 2 where path[0] == "ports": Port.CodingKeys.allCases.map(\.rawValue)
    default: nil
    }
  }
}

extension DualStack {
  /// Reads a description of two compose projects; relative paths in it start at its own folder.
  ///
  /// - Parameters:
  ///   - file: JSON with the keys of `docs/bring-your-own-stack.md`.
  ///   - fixedPorts: whether the ports that the compose files name are published, and not those that the engine chooses.
  ///   - inherited: the environment that a port's own variable may be set in; then it is left alone.
  /// - Throws: ``DubbingError`` for whatever can be wrong without the engine.
  package static func load(
    _ file: URL, fixedPorts: Bool = false, inherited: [String: String] = ProcessInfo.processInfo.environment
  ) throws(DubbingError) -> DualStack {
    let reader = StackFileReader(file: file, fixedPorts: fixedPorts, inherited: inherited)
    return try reader.stack(reader.decoded())
  }
}
