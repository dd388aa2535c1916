import ComposeKit
import Foundation

/// Two compose projects described in JSON, for a team that writes no Swift: what `E2E_STACK` names.
///
/// `docs/bring-your-own-stack.md` lists the keys. An unknown key is an error: a misspelt one would silently leave a default in place.
struct StackFile: Decodable {
  struct Project: Decodable {
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

    enum CodingKeys: String, CodingKey, CaseIterable {
      case name, files, profiles, environment
      case projectDirectory = "project_directory"
      case envFiles = "env_files"
      case sharedVolumes = "shared_volumes"
      case sharedNetworks = "shared_networks"
      case startAfter = "start_after"
    }
  }

  struct Port: Decodable {
    var service: String
    var port: Int
    /// Passes the port on the host to the compose file.
    var variable: String?
    var healthPath: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case service, port, variable
      case healthPath = "health_path"
    }
  }

  struct Budget: Decodable {
    var health: Double?
    var segment: Double?
    var fragment: Double?
    var pipeline: Double?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case health = "health_s"
      case segment = "segment_s"
      case fragment = "fragment_s"
      case pipeline = "pipeline_s"
    }
  }

  var media: Project
  var sts: Project
  var rtsp: Port
  var rtmp: Port
  var controlAPI: Port
  var worker: Port
  var speech: Port
  var stsURLVariable: String?
  var gatewayVariable: String?
  var hostName: String?
  var inputPath: String?
  var outputPath: String?
  var budget: Budget?
  var publisherLead: Double?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case media, sts, rtsp, rtmp, worker, speech, budget
    case controlAPI = "control_api"
    case stsURLVariable = "sts_url_variable"
    case gatewayVariable = "gateway_variable"
    case hostName = "host_name"
    case inputPath = "input_path"
    case outputPath = "output_path"
    case publisherLead = "publisher_lead_s"
  }

  /// The keys that an object at some place may have; nil where any key may stand.
  static func keys(at path: [String]) -> [String]? {
    switch path.last {
    case nil: CodingKeys.allCases.map(\.rawValue)
    case "media", "sts": Project.CodingKeys.allCases.map(\.rawValue)
    case "rtsp", "rtmp", "control_api", "worker", "speech": Port.CodingKeys.allCases.map(\.rawValue)
    case "budget": Budget.CodingKeys.allCases.map(\.rawValue)
    default: nil
    }
  }
}

extension DualStack {
  /// Reads a description of two compose projects; relative paths in it start at its own folder.
  ///
  /// - Parameters:
  ///   - file: JSON with the keys of `docs/bring-your-own-stack.md`.
  ///   - inherited: the environment that a port's own variable may be set in; then it is left alone.
  /// - Throws: ``StackFileError`` for whatever can be wrong without the engine.
  public static func load(
    _ file: URL, inherited: [String: String] = ProcessInfo.processInfo.environment
  ) throws(StackFileError) -> DualStack {
    let reader = StackFileReader(file: file, inherited: inherited)
    return try reader.stack(reader.decoded())
  }
}

/// Turns a file into a description, and says what is wrong with it.
private struct StackFileReader {
  var file: URL
  var inherited: [String: String]

  private func error(_ code: StackFileError.Code, _ problem: String, next: String) -> StackFileError {
    StackFileError(code: code, file: file.path, problem: problem, next: next)
  }

  func decoded() throws(StackFileError) -> StackFile {
    guard let data = FileManager.default.contents(atPath: file.path) else {
      throw error(.fileMissing, "there is no readable file", next: "E2E_STACK is a path from the package's folder")
    }
    do {
      // Keys first: a misspelt key is otherwise reported as the missing one that it was meant to be.
      try requireKnownKeys(try JSONSerialization.jsonObject(with: data), at: [])
      return try JSONDecoder().decode(StackFile.self, from: data)
    } catch let known as DecodingError {
      if case .keyNotFound = known {
        throw error(.keyMissing, known.sentence, next: "compare with compose/stack.json")
      }
      throw error(.badValue, known.sentence, next: "compare with compose/stack.json")
    } catch let known as StackFileError {
      throw known
    } catch {
      throw self.error(.notJSON, "it is no JSON: \(error)", next: "check it with: python3 -m json.tool \(file.path)")
    }
  }

  private func requireKnownKeys(_ value: Any, at path: [String]) throws(StackFileError) {
    guard let object = value as? [String: Any], let known = StackFile.keys(at: path) else { return }
    for key in object.keys.sorted() {
      let place = (path + [key]).joined(separator: ".")
      guard known.contains(key) else {
        throw error(
          .unknownKey, "the key \(place) is unknown", next: "known here are \(known.sorted().joined(separator: ", "))")
      }
      if path.isEmpty { try requireKnownKeys(object[key] as Any, at: [key]) }
    }
  }

  func stack(_ content: StackFile) throws(StackFileError) -> DualStack {
    let ports = [content.rtsp, content.rtmp, content.controlAPI, content.worker, content.speech]
    for port in ports where !(1...65535).contains(port.port) {
      throw error(
        .badValue, "the port of \(port.service) is \(port.port)", next: "give the container's port, 1 to 65535")
    }
    let mediaPorts = [content.rtsp, content.rtmp, content.controlAPI, content.worker]
    var stack = DualStack(
      media: try project(content.media, name: "e2e-media", ports: mediaPorts.compactMap(\.variable)),
      sts: try project(content.sts, name: "e2e-sts", ports: [content.speech].compactMap(\.variable)))
    stack.media.startsAfter = try others(content.media.startAfter, of: "media", other: "sts", stack.sts.name)
    stack.sts.startsAfter = try others(content.sts.startAfter, of: "sts", other: "media", stack.media.name)
    stack.rtsp = .init(content.rtsp.service, content.rtsp.port)
    stack.rtmp = .init(content.rtmp.service, content.rtmp.port)
    stack.controlAPI = .init(content.controlAPI.service, content.controlAPI.port)
    stack.worker = .init(content.worker.service, content.worker.port)
    stack.speech = .init(content.speech.service, content.speech.port)
    stack.workerHealthPath = try path(content.worker.healthPath, of: "worker") ?? stack.workerHealthPath
    stack.speechHealthPath = try path(content.speech.healthPath, of: "speech") ?? stack.speechHealthPath
    for (name, port) in [("rtsp", content.rtsp), ("rtmp", content.rtmp), ("control_api", content.controlAPI)]
    where port.healthPath != nil {
      throw error(
        .unknownKey, "\(name).health_path: its health is asked for in its own protocol",
        next: "leave it out; worker and speech may have one")
    }
    stack.stsURLVariable = content.stsURLVariable ?? stack.stsURLVariable
    stack.gatewayVariable = content.gatewayVariable ?? stack.gatewayVariable
    stack.hostName = content.hostName ?? stack.hostName
    stack.inputPath = try template(content.inputPath ?? stack.inputPath, "input_path")
    stack.outputPath = try template(content.outputPath ?? stack.outputPath, "output_path")
    guard stack.inputPath != stack.outputPath else {
      throw error(
        .badTemplate, "input_path and output_path are the same, \(stack.inputPath)",
        next: "the worker reads one path and publishes another")
    }
    stack.budget = try budget(content.budget)
    if let lead = content.publisherLead {
      guard 0.1...600 ~= lead else {
        throw error(.badValue, "publisher_lead_s is \(lead)", next: "give seconds, at least 0.1 and at most 600")
      }
      stack.publisherLead = .seconds(lead)
    }
    stack.file = file.path
    return stack
  }

  private func project(_ project: StackFile.Project, name: String, ports: [String]) throws(StackFileError)
    -> ComposeProject
  {
    guard !project.files.isEmpty else {
      throw error(.badValue, "\(name) has no compose file", next: "give at least one in files")
    }
    for path in (project.files + (project.envFiles ?? [])).map(absolute)
    where !FileManager.default.isReadableFile(atPath: path) {
      throw error(
        .composeFileMissing, "\(path) cannot be read",
        next: "paths start at \(file.deletingLastPathComponent().path), the folder of the stack file")
    }
    // A port's own variable in the environment wins; the file's `environment` says what is always so.
    let isFixed = inherited["E2E_PORTS"] == "fixed"
    let free = isFixed ? [] : ports.filter { inherited[$0] == nil }
    let environment = Dictionary(free.map { ($0, "0") }) { first, _ in first }
    return ComposeProject(
      name: project.name ?? name, files: project.files.map(absolute),
      projectDirectory: project.projectDirectory.map(absolute), profiles: project.profiles ?? [],
      environment: environment.merging(project.environment ?? [:]) { _, given in given },
      envFiles: (project.envFiles ?? []).map(absolute),
      sharing: (project.sharedVolumes ?? []).map { .volume($0) } + (project.sharedNetworks ?? []).map { .network($0) })
  }

  private func others(
    _ startAfter: String?, of project: String, other: String, _ name: String
  ) throws(StackFileError) -> [String] {
    guard let startAfter else { return [] }
    guard startAfter == other else {
      throw error(
        .badValue, "\(project).start_after is \"\(startAfter)\"", next: "the only other project is \"\(other)\"")
    }
    return [name]
  }

  private func absolute(_ path: String) -> String {
    URL(filePath: path, relativeTo: file.deletingLastPathComponent().absoluteURL).standardizedFileURL.path
  }

  private func path(_ path: String?, of name: String) throws(StackFileError) -> String? {
    guard let path, !path.hasPrefix("/") else { return path }
    throw error(.badValue, "\(name).health_path is \"\(path)\"", next: "begin it with a slash, such as /health")
  }

  private func template(_ template: String, _ name: String) throws(StackFileError) -> String {
    let rest = template.replacing("{stream}", with: "")
    guard rest != template else {
      throw error(
        .badTemplate, "\(name) is \"\(template)\": every stream would have the same path",
        next: "write {stream} where the stream's name belongs, such as live/{stream}/in")
    }
    guard !rest.contains(where: { "{}".contains($0) }), !rest.hasPrefix("/"), !rest.contains("://") else {
      throw error(
        .badTemplate, "\(name) is \"\(template)\"",
        next: "give the path alone, without scheme, host or leading slash; {stream} is all that is filled in")
    }
    return template
  }

  private func budget(_ given: StackFile.Budget?) throws(StackFileError) -> TimeBudget {
    var budget = TimeBudget.standard
    func set(_ seconds: Double?, _ key: String, _ place: WritableKeyPath<TimeBudget, Duration>) throws(StackFileError) {
      guard let seconds else { return }
      guard seconds > 0, seconds <= 86400 else {
        throw error(.badValue, "budget.\(key) is \(seconds)", next: "give seconds, more than 0 and at most a day")
      }
      budget[keyPath: place] = .seconds(seconds)
    }
    try set(given?.health, "health_s", \.health)
    try set(given?.segment, "segment_s", \.segment)
    try set(given?.fragment, "fragment_s", \.fragment)
    try set(given?.pipeline, "pipeline_s", \.pipeline)
    return budget
  }
}

/// Why a stack file cannot be used.
public struct StackFileError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: Sendable, Hashable {
    case fileMissing, notJSON, unknownKey, keyMissing, badValue, composeFileMissing, badTemplate
    /// A service that none of the compose files has; found when they are read, before anything is started.
    case unknownService
  }

  public var code: Code
  public var file: String
  public var problem: String
  public var next: String

  public var description: String {
    "the stack file cannot be used: \(problem)\n  file      \(file)\n  next      \(next)"
  }
}
