import ComposeKit
import Foundation

/// Turns a file into a description, and says what is wrong with it.
struct StackFileReader {
  var file: URL
  var fixedPorts: Bool
  var inherited: [String: String]

  private func error(_ problem: String, next: String) -> DubbingError {
    DubbingError(stackFile: file.path, problem: problem, next: next)
  }

  func decoded() throws(DubbingError) -> StackFile {
    guard let data = FileManager.default.contents(atPath: file.path) else {
      throw error(
        "there is no readable file",
        next: "a relative path starts at the working directory, the package's folder under `swift test`")
    }
    do {
      // Keys first: a misspelt key is otherwise reported as the missing one that it was meant to be.
      if let unknown = UnknownKey(in: try JSONSerialization.jsonObject(with: data), keys: StackFile.keys) {
        throw error(
          "the key \(unknown.place) is unknown",
          next: "known here are \(unknown.known.joined(separator: ", "))")
      }
      return try JSONDecoder().decode(StackFile.self, from: data)
    } catch let known as DecodingError {
      throw error(known.sentence, next: "compare with compose/stack.json")
    } catch let known as DubbingError {
      throw known
    } catch {
      throw self.error("it is no JSON: \(error)", next: "check it with: python3 -m json.tool \(file.path)")
    }
  }

  func stack(_ content: StackFile) throws(DubbingError) -> DualStack {
    var stack = DualStack(
      media: try project(content.media, name: "e2e-media", ports: content.variables(of: .media)),
      sts: try project(content.sts, name: "e2e-sts", ports: content.variables(of: .sts)))
    stack.media.startsAfter = try others(content.media.startAfter, of: "media", other: "sts", stack.sts.name)
    stack.sts.startsAfter = try others(content.sts.startAfter, of: "sts", other: "media", stack.media.name)
    for (role, port) in content.ports.byRole { stack.ports[role] = try described(port, as: role) }
    stack.services = content.services ?? []
    stack.addsExtraHosts = content.extraHosts ?? false
    stack.stsURL = try address(content.stsURL) ?? stack.stsURL
    stack.stsURLVariable = content.stsURLVariable ?? stack.stsURLVariable
    stack.gatewayVariable = content.gatewayVariable ?? stack.gatewayVariable
    stack.hostName = content.hostName ?? stack.hostName
    stack.inputPath = try template(content.inputPath ?? stack.inputPath, "input_path")
    stack.outputPath = try template(content.outputPath ?? stack.outputPath, "output_path")
    guard stack.inputPath != stack.outputPath else {
      throw error(
        "input_path and output_path are the same, \(stack.inputPath)",
        next: "the worker reads one path and publishes another")
    }
    stack.budget = try budget(content.budget)
    if let lead = content.publisherLead {
      guard 0.1...600 ~= lead else {
        throw error("publisher_lead_s is \(lead)", next: "give seconds, at least 0.1 and at most 600")
      }
      stack.publisherLead = .seconds(lead)
    }
    if let rate = content.readRate {
      guard 0.5...8 ~= rate else {
        throw error("readrate is \(rate)", next: "give 1 for real time, at least 0.5 and at most 8")
      }
      stack.readRate = rate
    }
    (stack.tail, stack.picture) = (content.tail, content.video)
    stack.padding = try padding(content.padding)
    for (key, bound) in content.tolerances ?? [:] {
      guard bound >= 0 else {
        throw error("tolerances.\(key) is \(bound)", next: "give a number that is not below 0")
      }
      Tolerances.keys[key]?(&stack.tolerances, bound)
    }
    stack.contract = try contract(content.contract)
    do {
      stack.checks = try content.checks?.checks(at: stack.ports.keys) ?? []
    } catch {
      throw self.error(error.problem, next: error.next)
    }
    stack.file = file.path
    return stack
  }

  private func described(_ port: StackFile.Port, as role: DualStack.Role) throws(DubbingError) -> DualStack.Port {
    guard (1...65535).contains(port.port) else {
      throw error(
        "the port of \(port.service) is \(port.port)", next: "give the container's port, 1 to 65535")
    }
    guard port.healthPath == nil || role.mayHaveHealthPath else {
      throw error(
        "\(role).health_path: its health is asked for in its own protocol",
        next: "leave it out; worker and speech may have one")
    }
    return DualStack.Port(port.service, port.port, healthPath: try path(port.healthPath, of: role.name))
  }

  private func address(_ template: String?) throws(DubbingError) -> String? {
    guard let template, !(template.contains("{host}") && template.contains("{port}")) else { return template }
    throw error(
      "sts_url is \"\(template)\"",
      next: "write {host} and {port} where the tap's belong, such as ws://{host}:{port}")
  }

  private func project(_ project: StackFile.Project, name: String, ports: [String]) throws(DubbingError)
    -> ComposeProject
  {
    guard !project.files.isEmpty else {
      throw error("\(name) has no compose file", next: "give at least one in files")
    }
    for path in (project.files + (project.envFiles ?? [])).map(absolute)
    where !FileManager.default.isReadableFile(atPath: path) {
      throw error(
        "\(path) cannot be read",
        next: "paths start at \(file.deletingLastPathComponent().path), the folder of the stack file")
    }
    // A port's own variable in the environment wins; the file's `environment` says what is always so.
    let free = fixedPorts ? [] : ports.filter { inherited[$0] == nil }
    let environment = Dictionary(free.map { ($0, "0") }) { first, _ in first }
    return ComposeProject(
      name: project.name ?? name, files: project.files.map(absolute),
      projectDirectory: project.projectDirectory.map(absolute), profiles: project.profiles ?? [],
      environment: environment.merging(project.environment ?? [:]) { _, given in given },
      envFiles: (project.envFiles ?? []).map(absolute),
      sharing: (project.sharedVolumes ?? []).map { .volume($0) } + (project.sharedNetworks ?? []).map { .network($0) })
  }

  private func padding(_ given: StackFile.Padding?) throws(DubbingError) -> FixturePadding? {
    guard let given else { return nil }
    let (lead, tail) = (given.lead ?? 0, given.tail ?? 0)
    guard 0...60 ~= lead, 0...60 ~= tail else {
      throw error("padding is \(lead) s and \(tail) s", next: "give seconds, at least 0 and at most 60")
    }
    return FixturePadding(lead: .seconds(lead), tail: .seconds(tail))
  }

  private func contract(_ given: ContractFile?) throws(DubbingError) -> Contract {
    do {
      return try given?.contract(inherited: inherited) ?? .standard
    } catch {
      throw self.error(error.problem, next: error.next)
    }
  }

  private func others(
    _ startAfter: String?, of project: String, other: String, _ name: String
  ) throws(DubbingError) -> [String] {
    guard let startAfter else { return [] }
    guard startAfter == other else {
      throw error(
        "\(project).start_after is \"\(startAfter)\"", next: "the only other project is \"\(other)\"")
    }
    return [name]
  }

  private func absolute(_ path: String) -> String {
    URL(filePath: path, relativeTo: file.deletingLastPathComponent().absoluteURL).standardizedFileURL.path
  }

  private func path(_ path: String?, of name: String) throws(DubbingError) -> String? {
    guard let path, !path.hasPrefix("/") else { return path }
    throw error("\(name).health_path is \"\(path)\"", next: "begin it with a slash, such as /health")
  }

  private func template(_ template: String, _ name: String) throws(DubbingError) -> String {
    let rest = template.replacing("{stream}", with: "")
    guard rest != template else {
      throw error(
        "\(name) is \"\(template)\": every stream would have the same path",
        next: "write {stream} where the stream's name belongs, such as live/{stream}/in")
    }
    guard !rest.contains(where: { "{}".contains($0) }), !rest.hasPrefix("/"), !rest.contains("://") else {
      throw error(
        "\(name) is \"\(template)\"",
        next: "give the path alone, without scheme, host or leading slash; {stream} is all that is filled in")
    }
    return template
  }

  private func budget(_ given: StackFile.Budget?) throws(DubbingError) -> TimeBudget {
    var budget = TimeBudget.standard
    func set(_ seconds: Double?, _ key: String, _ place: WritableKeyPath<TimeBudget, Duration>) throws(DubbingError) {
      guard let seconds else { return }
      guard seconds > 0, seconds <= 86400 else {
        throw error("budget.\(key) is \(seconds)", next: "give seconds, more than 0 and at most a day")
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

extension StackFile {
  /// The variables that tell a project's compose files the ports on the host.
  fileprivate func variables(of project: DualStack.Project) -> [String] {
    ports.byRole.filter { $0.key.project == project }.compactMap(\.value.variable).sorted()
  }
}
